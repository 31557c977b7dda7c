/* SPDX-License-Identifier: Apache-2.0 */
/* Following the collector's stream of events for as long as wanted: reconnects behind the last event that was seen. */
#ifndef CANOPY_CONSOLE_CLI_FOLLOW_H
#define CANOPY_CONSOLE_CLI_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/console/cli/client.h"
#include "collector/console/cli/sse.h"

/* Waiting times before a new connection double between these. */
#define FOLLOW_WAIT_MIN_MS 250
#define FOLLOW_WAIT_MAX_MS 10000

enum follow_state {
	FOLLOW_CONNECTING,
	FOLLOW_STREAMING,
	FOLLOW_WAITING,    /* for the next attempt */
	FOLLOW_REFUSED,    /* the server said no: asking again would not help */
};

struct follow {
	struct client *client;      /* borrowed */
	const char *path;           /* borrowed; with the query, without a cursor */
	sse_handler *handler;
	void *user;
	enum follow_state state;
	struct transfer transfer;
	struct sse sse;
	unsigned attempts;          /* without a byte since the last good connection */
	bool was_streaming;         /* ever */
	int64_t retry_at;           /* monotonic ms, while waiting */
	int err;                    /* what the handler ended it with, or -ENOMEM, -EMSGSIZE */
};

/* last_id: events behind it, or "" from now on. The struct must not move. Returns 0 or -ENOMEM. */
int follow_start(struct follow *follow, struct client *client, const char *path, const char *last_id,
		 sse_handler *handler, void *user);
void follow_finish(struct follow *follow);

/* To be called after each client_wait, and at the latest after follow_timeout: sees to lost connections. Returns 0, or
 * what the handler ended it with, or -ENOMEM. *ret_lost: true when a connection was just lost (transfer tells why) */
int follow_tend(struct follow *follow, int64_t now_ms, bool *ret_lost);

/* Milliseconds until something is to do, at most max. */
int follow_timeout(const struct follow *follow, int64_t now_ms, int max);

/* Monotonic clock in ms. */
int64_t follow_now(void);

#endif
