/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1.x request (RFC 9112): bytes in, a decoded request out, no I/O. Only what this server can use is
 * kept. */
#ifndef CANOPY_COLLECTOR_CONSOLE_HTTP_REQUEST_H
#define CANOPY_COLLECTOR_CONSOLE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/bytes.h"
#include "collector/console/http/tokens.h"

#define REQUEST_HEAD_MAX (32u * 1024u) /* bytes of line and headers: what one connection may make us keep */
#define REQUEST_LINE_MAX                                                                                               \
	(28u * 1024u) /* a filter of 8 KiB takes three times as much when each byte is percent-encoded */
#define REQUEST_HEADERS_MAX 100u
#define REQUEST_PARAMETERS_MAX 32u

enum request_method {
	REQUEST_GET,
	REQUEST_HEAD,
	REQUEST_POST,
	REQUEST_OTHER, /* well-formed, not spoken here */
};

struct request_parameter {
	struct bytes name, value; /* percent-decoded */
};

struct request {
	enum request_method method;
	struct bytes path;          /* percent-decoded, begins with '/'; without NUL and control characters */
	struct request_parameter parameters[REQUEST_PARAMETERS_MAX];
	size_t parameter_count;
	struct bytes host;          /* as sent, with port; empty when there is none */
	struct bytes bearer;        /* the token of 'Authorization: Bearer TOKEN'; empty when there is none */
	enum token_role role;       /* what the server found the token to be good for */
	struct bytes last_event_id; /* empty when there is none */
	uint8_t minor;              /* of HTTP/1.minor; more than 1 counts as 1 */
	bool keep_alive;            /* the client wants the connection again */
	bool has_body;              /* a body follows, of unknown or non-zero length */
};

/* Looks for the end of the head. *at (0 at the beginning of a head) remembers how far was looked, so that bytes that
 * come one by one are not looked at again and again. Returns the length of the head, or 0 while it is not whole. */
size_t request_scan(const char *data, size_t len, size_t *at);

/* Parses a whole head as request_scan found it; what *ret points to lives in the arena. Returns 0, -ENOMEM, or the
 * status to answer with (400, 414, 431, 505), *ret_why then a static sentence. */
int request_parse(struct arena *arena, const char *head, size_t len, struct request *ret, const char **ret_why);

/* The value of a parameter, or data NULL when it was not given. */
struct bytes request_parameter(const struct request *request, const char *name);

#endif
