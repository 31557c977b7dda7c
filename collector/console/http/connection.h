/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of an HTTP client: requests in, one after the other, answers out.
 *
 * What a client can make us keep: REQUEST_HEAD_MAX bytes of input, CONNECTION_ARENA_MAX of the request that is being
 * answered, and one piece of the answer, because the next piece is only made when the kernel has taken the last one. */
#ifndef CANOPY_COLLECTOR_CONSOLE_HTTP_CONNECTION_H
#define CANOPY_COLLECTOR_CONSOLE_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/arena.h"
#include "collector/console/http/request.h"
#include "collector/console/http/response.h"
#include "proto/stream/stream.h"

#define CONNECTION_PIECE ((size_t)64 * 1024)  /* a body that has made this much hands it over */
#define CONNECTION_ARENA_MAX (256u * 1024u)   /* a decoded request takes at most twice its head */

/* How long a peer may take, in milliseconds. */
struct connection_timeouts {
	uint32_t idle;      /* between requests */
	uint32_t head;      /* from the first byte of a request to the end of its head */
	uint32_t stall;     /* to take one piece of the answer */
	uint32_t keepalive; /* silence after which a body that waits sends its tick */
	uint32_t linger;    /* to end its side after we have ended ours */
};
#define CONNECTION_TIMEOUTS_DEFAULT ((struct connection_timeouts){ \
	.idle = 60000, .head = 10000, .stall = 60000, .keepalive = 15000, .linger = 1000})

struct connection;

/* A body that is made in pieces while it is sent. Embedded in whatever makes it. */
struct body;
struct body_type {
	/* Appends up to about CONNECTION_PIECE bytes, for a few milliseconds at most, and returns a BODY_* or -errno,
	 * which cuts the connection: half an answer must not look like a whole one. */
	int (*produce)(struct body *body, struct json *out);
	/* Appends what shows a waiting peer that we live. NULL when the body never waits. */
	void (*tick)(struct body *body, struct json *out);
	void (*destroy)(struct body *body);
};
enum {
	BODY_MORE = 0, /* call again */
	BODY_DONE = 1,
	BODY_WAIT = 2, /* call again after connection_wake */
};
struct body {
	const struct body_type *type;
	struct connection *connection; /* while it is being sent */
};

struct connection_events {
	/* A request with a method that is spoken here. Answer it by exactly one of connection_answer, connection_error,
	 * connection_stream, now. */
	void (*request)(void *owner, struct connection *connection, const struct request *request);
	/* The connection is gone; nothing may be called on it any more. */
	void (*closed)(void *owner, struct connection *connection);
};

/* Takes the connection that waits at server. tls: NULL = in the clear. *ret is freed after closed. Errors: -errno, then closed is not called. */
int connection_create(struct connection **ret, uv_loop_t *loop, uv_stream_t *server,
		      struct tls_context *tls, const struct connection_timeouts *timeouts,
		      const struct connection_events *events, void *owner);
/* Drops it, whatever it is doing. May be called more than once. */
void connection_close(struct connection *connection);

/* Whether it has not sent a whole request yet, or since its last answer; then *ret_since_ms is the loop time since when. */
bool connection_waits(const struct connection *connection, uint64_t *ret_since_ms);

/* Answers with a whole body, whose memory is taken over. NULL policy as in struct response. */
void connection_answer(struct connection *connection, int status, const char *content_type, const char *policy,
		       struct json *body);
void connection_error(struct connection *connection, const struct response_error *error);
/* Answers with 200 and a body in pieces, which is destroyed when it is done, the connection is lost, or nobody wants it
 * (HEAD). */
void connection_stream(struct connection *connection, const char *content_type, struct body *body);
/* The body that waited has something to send. */
void connection_wake(struct connection *connection);

/* For the server's list. */
struct connection_link {
	struct connection *next, **at;
};
struct connection_link *connection_link(struct connection *connection);

#endif
