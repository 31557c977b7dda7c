/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1.1 answer and the body of an error, written into a buffer. No I/O. */
#ifndef CANOPY_COLLECTOR_CONSOLE_HTTP_RESPONSE_H
#define CANOPY_COLLECTOR_CONSOLE_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/model/json.h"

#define RESPONSE_UNTIL_CLOSE (-1) /* length: the body ends with the connection (HTTP/1.0) */
#define RESPONSE_CHUNKED (-2)

struct response {
	int status;
	const char *content_type;
	const char *policy;   /* Content-Security-Policy; NULL = nothing may be loaded */
	int64_t length;       /* of the body in bytes, or one of the above */
	bool keep_alive;
	bool allow;           /* Allow: GET, HEAD (405) */
	bool retry;           /* Retry-After: 1 (503) */
	bool challenge;       /* WWW-Authenticate: Bearer (401, 403) */
};

#define RESPONSE_JSON "application/json; charset=utf-8"
#define RESPONSE_TEXT "text/plain; charset=utf-8"
#define RESPONSE_HTML "text/html; charset=utf-8"
#define RESPONSE_EVENTS "text/event-stream"
#define RESPONSE_METRICS "text/plain; version=0.0.4; charset=utf-8"

const char *response_reason(int status);
void response_write(struct json *out, const struct response *response);

/* What went wrong, for programs and people. */
struct response_error {
	int status;
	const char *code;    /* a word that does not change: bad_filter */
	const char *message; /* names object and value; UTF-8 */
	const char *hint;    /* what to do; NULL or empty = null */
	uint32_t column;     /* of a filter, in characters from 1; 0 = none */
};
/* {"error":{"code","message","hint"[,"column"]}} and a newline */
void response_write_error(struct json *out, const struct response_error *error);

#endif
