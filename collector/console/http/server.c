/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever has TLS and tokens may listen anywhere; otherwise the console is for this machine alone unless it is told
 * otherwise. On loopback it refuses requests whose Host says that a browser was lured here. No CORS header is
 * ever sent. */
#include "collector/console/http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/log.h"
#include "collector/console/http/host.h"
#include "proto/stream/acceptor.h"

struct server {
	uv_loop_t *loop;
	struct acceptor *acceptor;
	struct connection *connections; /* list */
	char address[ADDRESS_TEXT_MAX]; /* bound */
	bool loopback;
	struct tls_context *tls;      /* NULL = in the clear; a reference */
	const struct tokens *tokens;  /* NULL = everybody may ask */
	uint32_t connections_max;
	struct connection_timeouts timeouts;
	server_request_cb request;
	void *owner;
	struct server_stats stats;
	unsigned holds;                 /* acceptor and connections that have not yet called back */
	bool closing;
	void (*closed)(void *owner);
	void *closed_owner;
};

/* ---- connections --------------------------------------------------------------------------------------------- */

static void release(struct server *server)
{
	void (*closed)(void *owner) = server->closed;
	void *owner = server->closed_owner;

	if (--server->holds > 0)
		return;
	tls_context_unref(server->tls);
	free(server);
	if (closed)
		closed(owner);
}

/* Whether it lives may be asked by whoever reaches us: what watches over programs has no token. */
static bool is_open(const struct request *request)
{
	return bytes_equal(request->path, BYTES_LITERAL("/livez")) || bytes_equal(request->path, BYTES_LITERAL("/readyz"));
}

/* Without tokens whoever reaches the console reads; nobody is admin. */
static bool may_ask(struct server *server, struct connection *connection, const struct request *request, struct request *ret)
{
	*ret = *request;
	ret->role = server->tokens ? tokens_judge(server->tokens, request->bearer) : TOKEN_READ;
	if (ret->role != TOKEN_NONE || is_open(request))
		return true;
	server->stats.unauthorized_total++;
	connection_error(connection,
			 &(struct response_error){
			     .status = 401,
			     .code = request->bearer.len ? "wrong_token" : "no_token",
			     .message = request->bearer.len ? "the token is none of this collector's" : "the console wants a token",
			     .hint = "send 'Authorization: Bearer TOKEN' with one of the collector's --token-file; canopy: --token-file"});
	return false;
}

static void on_request(void *owner, struct connection *connection, const struct request *request)
{
	struct server *server = owner;
	struct request judged;

	server->stats.requests_total++;
	if (server->loopback && !host_is_local(request->host, server->address)) {
		connection_error(connection, &(struct response_error){
						 .status = 421,
						 .code = "wrong_host",
						 .message = "the Host header names another server than this one",
						 .hint = "use localhost, 127.0.0.1 or [::1]"});
		return;
	}
	if (may_ask(server, connection, request, &judged))
		server->request(server->owner, connection, &judged);
}

static void on_connection_closed(void *owner, struct connection *connection)
{
	struct server *server = owner;
	struct connection_link *link = connection_link(connection);

	*link->at = link->next;
	if (link->next)
		connection_link(link->next)->at = link->at;
	server->stats.connections--;
	release(server);
}

static const struct connection_events connection_events = {.request = on_request, .closed = on_connection_closed};

static void keep(struct server *server, struct connection *connection)
{
	struct connection_link *link = connection_link(connection);

	link->next = server->connections;
	link->at = &server->connections;
	if (link->next)
		connection_link(link->next)->at = &link->next;
	server->connections = connection;
	server->stats.connections++;
	server->stats.connections_total++;
	server->holds++;
}

/* The one that has said nothing whole for longest. The newest stands first. */
static struct connection *find_waiting(const struct server *server)
{
	struct connection *found = NULL;
	uint64_t since_ms, oldest_ms = UINT64_MAX;

	for (struct connection *c = server->connections; c; c = connection_link(c)->next) {
		if (connection_waits(c, &since_ms) && since_ms <= oldest_ms) {
			oldest_ms = since_ms;
			found = c;
		}
	}
	return found;
}

/* One over the bound takes the place of one that asks nothing, so that slow connections cannot keep out who does ask; when all are being
 * answered it is taken and dropped, so that its peer learns at once. */
static void make_room(struct server *server, struct connection *newest)
{
	struct connection *waiting = find_waiting(server);

	server->stats.refused_total++;
	connection_close(waiting ? waiting : newest);
}

static void on_connection(void *owner, uv_stream_t *waiting)
{
	struct server *server = owner;
	struct connection *connection;
	int r = connection_create(&connection, server->loop, waiting, server->tls, &server->timeouts, &connection_events, server);

	if (r < 0) {
		log_warning("console cannot accept a connection error=\"%s\"", uv_strerror(r));
		return;
	}
	keep(server, connection);
	if (server->stats.connections > server->connections_max)
		make_room(server, connection);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4)))
static int refuse(int error, char **ret_why, const char *format, ...)
{
	va_list args;

	if (!ret_why)
		return error;
	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

static int check_address(const struct server_options *options, struct address *ret, bool *ret_loopback, char **ret_why)
{
	struct sockaddr_storage socket;
	const char *why = NULL;
	int r = address_parse(options->address, ret, &why);

	if (r < 0)
		return refuse(r, ret_why, "console address '%s': %s", options->address, why);
	if (strcmp(ret->host, "localhost") == 0)
		(void)strcpy(ret->host, "127.0.0.1");
	r = address_to_sockaddr(ret, &socket);
	if (r < 0)
		return refuse(r, ret_why, "console address '%s': '%s' is a name, give the number of a local address",
			      options->address, ret->host);
	*ret_loopback = address_is_loopback((struct sockaddr *)&socket);
	if (!*ret_loopback && !options->insecure && !(options->tls && options->tokens))
		return refuse(-EACCES, ret_why,
			      "console address '%s': others than this machine could read everything there, without "
			      "encryption and password; use TLS and tokens, or 127.0.0.1 "
			      "and reach it through ssh -L, or ask for it with --http-insecure",
			      options->address);
	return 0;
}

int server_create(struct server **ret, uv_loop_t *loop, const struct server_options *options, server_request_cb request,
		  void *owner, char **ret_why)
{
	const struct connection_timeouts *timeouts = &options->timeouts;
	struct server *server;
	struct address address;
	bool loopback;
	int r = check_address(options, &address, &loopback, ret_why);

	if (r < 0)
		return r;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	*server = (struct server){.loop = loop,
				  .loopback = loopback,
				  .tls = tls_context_ref(options->tls),
				  .tokens = options->tokens,
				  .request = request,
				  .owner = owner,
				  .holds = 1,
				  .connections_max =
				      options->connections_max ? options->connections_max : SERVER_CONNECTIONS_MAX,
				  .timeouts = timeouts->idle ? *timeouts : CONNECTION_TIMEOUTS_DEFAULT};
	r = acceptor_create(&server->acceptor, loop, &address, on_connection, server, ret_why);
	if (r < 0) {
		tls_context_unref(server->tls);
		free(server);
		return r;
	}
	acceptor_address(server->acceptor, server->address);
	*ret = server;
	return 0;
}

void server_address(const struct server *server, char *out, size_t len)
{
	(void)snprintf(out, len, "%s", server->address);
}

void server_stats(const struct server *server, struct server_stats *ret)
{
	*ret = server->stats;
}

static void on_acceptor_closed(void *owner)
{
	release(owner);
}

void server_close(struct server *server, void (*closed)(void *owner), void *owner)
{
	if (!server || server->closing)
		return;
	server->closing = true;
	server->closed = closed;
	server->closed_owner = owner;
	for (struct connection *c = server->connections; c; c = connection_link(c)->next)
		connection_close(c);
	acceptor_close(server->acceptor, on_acceptor_closed, server);
}
