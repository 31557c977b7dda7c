/* SPDX-License-Identifier: Apache-2.0 */
/* Listens for HTTP clients and keeps their connections: bounds their number and refuses requests that were addressed to
 * another name. */
#ifndef CANOPY_COLLECTOR_CONSOLE_HTTP_SERVER_H
#define CANOPY_COLLECTOR_CONSOLE_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "collector/console/http/connection.h"

#define SERVER_CONNECTIONS_MAX                                                                                         \
	256u /* people and scrapers, not a fleet; each may cost some 200 KiB while it is being answered */

struct server_options {
	const char *address;                    /* HOST:PORT or [V6]:PORT; port 0: the kernel chooses */
	bool insecure;                          /* listen also where others than this machine can reach it, in the clear or
						 * without tokens */
	struct tls_context *tls;                /* NULL = in the clear. Borrowed */
	const struct tokens *tokens;            /* who may ask; NULL = everybody. Borrowed */
	uint32_t connections_max;               /* 0 = SERVER_CONNECTIONS_MAX */
	struct connection_timeouts timeouts;    /* all 0 = CONNECTION_TIMEOUTS_DEFAULT */
};

struct server_stats {
	uint64_t connections;                   /* open now */
	uint64_t connections_total, refused_total; /* refused: for the bound, new ones and slow ones */
	uint64_t requests_total, unauthorized_total; /* unauthorized: without a token that counts */
};

struct server;

typedef void (*server_request_cb)(void *owner, struct connection *connection, const struct request *request);

/* Errors: -EINVAL (address), -EACCES (not loopback, and not insecure), -errno of bind and listen, -ENOMEM; *ret_why
 * (may be NULL) is then a malloc'ed sentence that names address, cause and remedy, freed by the caller. */
int server_create(struct server **ret, uv_loop_t *loop, const struct server_options *options, server_request_cb request,
		  void *owner, char **ret_why);
/* ADDRESS:PORT with the true port; out has len bytes. */
void server_address(const struct server *server, char *out, size_t len);
void server_stats(const struct server *server, struct server_stats *ret);
/* Drops every connection; closed (may be NULL) is called on the loop when all is gone. Takes NULL, then closed is not
 * called. */
void server_close(struct server *server, void (*closed)(void *owner), void *owner);

#endif
