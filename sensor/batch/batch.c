/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder copies what it needs, so a fact lives no longer than the call that adds it. The timer starts with the
 * first fact of a batch and not with each: a trickle is as quick as a flood. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sensor/batch/batch.h"

#define GAPS_WAITING_MAX 8u /* added while a batch is being closed; more are joined into the last */

struct batcher {
	struct batch_encoder *encoder;
	struct refiner *refiner;   /* borrowed */
	const struct clock *clock; /* borrowed */
	struct batcher_sink sink;
	uv_timer_t timer;
	uint64_t delay_ms;
	struct gap waiting[GAPS_WAITING_MAX];
	size_t waiting_count;
	bool closing_batch;
	void (*closed)(void *owner);
	void *closed_owner;
};

/* A batch that could not be written for want of memory is tried again: it may be the last one for long. */
static void on_timer(uv_timer_t *timer)
{
	struct batcher *batcher = timer->data;

	if (batcher_flush(batcher) < 0)
		(void)uv_timer_start(timer, on_timer, batcher->delay_ms, 0);
}

int batcher_create(struct batcher **ret, uv_loop_t *loop, const struct batcher_options *options,
		   const struct batcher_sink *sink)
{
	struct batcher *batcher = calloc(1, sizeof(*batcher));

	if (!batcher)
		return -ENOMEM;
	if (batch_encoder_create(&batcher->encoder) < 0) {
		free(batcher);
		return -ENOMEM;
	}
	batcher->sink = *sink;
	batcher->refiner = options->refiner;
	batcher->clock = options->clock;
	batcher->delay_ms = options->delay_ms ? options->delay_ms : BATCHER_DELAY_MS;
	(void)uv_timer_init(loop, &batcher->timer);
	batcher->timer.data = batcher;
	*ret = batcher;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct batcher *batcher = handle->data;
	void (*closed)(void *owner) = batcher->closed;
	void *owner = batcher->closed_owner;

	batch_encoder_destroy(batcher->encoder);
	free(batcher);
	closed(owner);
}

void batcher_close(struct batcher *batcher, void (*closed)(void *owner), void *owner)
{
	batcher->closed = closed;
	batcher->closed_owner = owner;
	uv_close((uv_handle_t *)&batcher->timer, on_timer_closed);
}

/* r: what the encoder answered to an addition. */
static int added(struct batcher *batcher, int r)
{
	if (r == 0 && !uv_is_active((uv_handle_t *)&batcher->timer))
		(void)uv_timer_start(&batcher->timer, on_timer, batcher->delay_ms, 0);
	return r;
}

static int add_fact(struct batcher *batcher, const struct fact *fact)
{
	int r = batch_encoder_add(batcher->encoder, fact);

	if (r == BATCH_E_FULL) {
		r = batcher_flush(batcher);
		if (r == 0)
			r = batch_encoder_add(batcher->encoder, fact);
	}
	return added(batcher, r);
}

int batcher_add_event(struct batcher *batcher, const struct event *event)
{
	struct fact_context context;
	struct fact fact;
	int r = refiner_event(batcher->refiner, event, &context, &fact);

	if (r == REFINE_E_FILTERED)
		return 0;
	return r < 0 ? r : add_fact(batcher, &fact);
}

/* Gaps of one kind that cannot wait one by one become one longer gap. */
static void join_gap(struct gap *into, const struct gap *gap)
{
	into->type = into->type == gap->type ? gap->type : 0;
	into->count = into->count && gap->count ? into->count + gap->count : 0;
	if (gap->from_ns < into->from_ns)
		into->from_ns = gap->from_ns;
	if (gap->to_ns > into->to_ns)
		into->to_ns = gap->to_ns;
}

int batcher_add_gap(struct batcher *batcher, const struct gap *gap)
{
	int r;

	if (batcher->closing_batch) {
		if (batcher->waiting_count < GAPS_WAITING_MAX)
			batcher->waiting[batcher->waiting_count++] = *gap;
		else
			join_gap(&batcher->waiting[GAPS_WAITING_MAX - 1], gap);
		return 0;
	}
	r = batch_encoder_add_gap(batcher->encoder, gap);
	if (r == BATCH_E_FULL && (r = batcher_flush(batcher)) == 0)
		r = batch_encoder_add_gap(batcher->encoder, gap);
	return added(batcher, r);
}

int batcher_add_snapshot(struct batcher *batcher, const struct snapshot_mark *mark)
{
	int r = batch_encoder_add_snapshot(batcher->encoder, mark);

	if (r == BATCH_E_FULL && (r = batcher_flush(batcher)) == 0)
		r = batch_encoder_add_snapshot(batcher->encoder, mark);
	return added(batcher, r);
}

static void add_waiting(struct batcher *batcher)
{
	size_t count = batcher->waiting_count;

	batcher->waiting_count = 0;
	for (size_t i = 0; i < count; i++)
		(void)batcher_add_gap(batcher, &batcher->waiting[i]);
}

int batcher_flush(struct batcher *batcher)
{
	struct batch_id id;
	const uint8_t *data;
	size_t len;
	int r;

	if (batch_encoder_count(batcher->encoder) == 0)
		return 0;
	batcher->sink.next_id(batcher->sink.owner, &id);
	r = batch_encoder_finish(batcher->encoder, &id, clock_boottime_to_wall(batcher->clock), &data, &len);
	if (r < 0)
		return r;
	(void)uv_timer_stop(&batcher->timer);
	batcher->closing_batch = true;
	batcher->sink.closed(batcher->sink.owner, &id, data, len);
	batcher->closing_batch = false;
	add_waiting(batcher);
	return 0;
}
