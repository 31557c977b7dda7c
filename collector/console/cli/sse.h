/* SPDX-License-Identifier: Apache-2.0 */
/* Parser of server-sent events (the event stream format of the HTML standard). Bytes in, events out, no I/O: it may be
 * fed in pieces cut anywhere. */
#ifndef CANOPY_CONSOLE_CLI_SSE_H
#define CANOPY_CONSOLE_CLI_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/console/cli/text.h"

/* Bound of one event: an argument list of two megabytes, escaped six bytes for one, with room to spare. */
#define SSE_EVENT_MAX ((size_t)16 << 20)

/* Borrowed, valid during the call. */
struct sse_event {
	const char *type;     /* never empty: 'message' when the server named none */
	struct bytes data;
	const char *id;       /* the newest id of the stream; empty while none came */
};

/* Returns 0, or what sse_feed shall return at once. */
typedef int sse_handler(void *user, const struct sse_event *event);

struct sse {
	struct text line, data, type;
	struct text new_id;   /* of the event that is being read: it counts once the event is whole */
	struct text id;       /* of the last whole event */
	bool had_data, had_id;
	bool skip_newline;    /* a carriage return ended the last line: a newline right behind it belongs to it */
	bool begun;           /* the first line, which may begin with a byte order mark, is over */
	long retry_ms;        /* what the server asks to wait before a reconnection; -1 = nothing */
};

#define SSE_NULL ((struct sse){.retry_ms = -1})

void sse_finish(struct sse *sse);
/* For a new connection: forgets a half-read event, keeps id (which may be set before the first feed) and retry. */
void sse_restart(struct sse *sse);

/* Returns 0, what the handler said, -EMSGSIZE for an event beyond SSE_EVENT_MAX, or -ENOMEM. */
int sse_feed(struct sse *sse, const char *data, size_t len, sse_handler *handler, void *user);

#endif
