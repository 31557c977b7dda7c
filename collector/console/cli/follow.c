/* SPDX-License-Identifier: Apache-2.0 */
/* The half of the waiting time is random, so that a crowd of followers does not come back at the same moment. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "collector/console/cli/follow.h"

int64_t follow_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int take(void *user, const char *data, size_t len)
{
	struct follow *follow = user;

	follow->state = FOLLOW_STREAMING;
	follow->was_streaming = true;
	follow->attempts = 0;
	return sse_feed(&follow->sse, data, len, follow->handler, follow->user);
}

static int connect_stream(struct follow *follow)
{
	sse_restart(&follow->sse);
	follow->state = FOLLOW_CONNECTING;
	return transfer_begin(&follow->transfer, follow->client, follow->path, text_string(&follow->sse.id), take,
			      follow);
}

int follow_start(struct follow *follow, struct client *client, const char *path, const char *last_id,
		 sse_handler *handler, void *user)
{
	*follow = (struct follow){.client = client, .path = path, .handler = handler, .user = user, .sse = SSE_NULL};
	text_puts(&follow->sse.id, last_id);
	return follow->sse.id.failed ? -ENOMEM : connect_stream(follow);
}

void follow_finish(struct follow *follow)
{
	transfer_end(&follow->transfer);
	sse_finish(&follow->sse);
}

static int64_t choose_wait(struct follow *follow)
{
	int64_t wait = FOLLOW_WAIT_MIN_MS;

	for (unsigned i = 0; i < follow->attempts && wait < FOLLOW_WAIT_MAX_MS; i++)
		wait *= 2;
	if (wait > FOLLOW_WAIT_MAX_MS)
		wait = FOLLOW_WAIT_MAX_MS;
	follow->attempts++;
	if (follow->sse.retry_ms > wait)
		return follow->sse.retry_ms;
	return wait / 2 + (int64_t)(arc4random_uniform((uint32_t)wait / 2));
}

int follow_tend(struct follow *follow, int64_t now_ms, bool *ret_lost)
{
	const struct transfer *transfer = &follow->transfer;

	*ret_lost = false;
	if (transfer->active || follow->state == FOLLOW_REFUSED)
		return 0;
	if (follow->state == FOLLOW_WAITING) {
		if (now_ms < follow->retry_at)
			return 0;
		transfer_end(&follow->transfer);
		return connect_stream(follow);
	}
	if (transfer->err) {
		follow->err = transfer->err;
		return transfer->err;
	}
	*ret_lost = true;
	if (transfer->result == CURLE_OK && transfer->status >= 400 && transfer->status < 500 &&
	    transfer->status != 429) {
		follow->state = FOLLOW_REFUSED;
		return 0;
	}
	follow->state = FOLLOW_WAITING;
	follow->retry_at = now_ms + choose_wait(follow);
	return 0;
}

int follow_timeout(const struct follow *follow, int64_t now_ms, int max)
{
	if (follow->state != FOLLOW_WAITING)
		return max;
	if (follow->retry_at <= now_ms)
		return 0;
	return follow->retry_at - now_ms < max ? (int)(follow->retry_at - now_ms) : max;
}
