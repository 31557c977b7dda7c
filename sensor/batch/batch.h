/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers facts and closes a batch when it is full, or a short time after its first fact. */
#ifndef CANOPY_SENSOR_BATCH_BATCH_H
#define CANOPY_SENSOR_BATCH_BATCH_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/event.h"
#include "canopy/fact.h"
#include "proto/batch/encoder.h"
#include "sensor/batch/clock.h"
#include "sensor/batch/refine.h"

#define BATCHER_DELAY_MS 20u /* for what comes outside of a drain of the ring, behind which the batch is closed anyway */

struct batcher;

struct batcher_options {
	uint32_t delay_ms;       /* after the first fact; 0 = BATCHER_DELAY_MS */
	struct refiner *refiner; /* borrowed, for as long as events are added */
	const struct clock *clock; /* borrowed */
};

struct batcher_sink {
	void *owner;
	/* The identity of the batch that is about to be closed. */
	void (*next_id)(void *owner, struct batch_id *ret);
	/* The bytes are borrowed for the time of the call, which must not call the batcher but for batcher_add_gap:
	 * such a gap goes into the next batch. */
	void (*closed)(void *owner, const struct batch_id *id, const uint8_t *data, size_t len);
};

/* Errors: -ENOMEM. The sink is copied. */
int batcher_create(struct batcher **ret, uv_loop_t *loop, const struct batcher_options *options,
		   const struct batcher_sink *sink);
/* What is still open is dropped: flush first. closed runs on the loop, then the batcher is gone. */
void batcher_close(struct batcher *batcher, void (*closed)(void *owner), void *owner);

/* Each returns 0, -EBADMSG (a record that is none), -EINVAL (one without identity), or -ENOMEM (the fact is lost; the
 * caller counts it). 0 also when a filter keeps the fact here. */
int batcher_add_event(struct batcher *batcher, const struct event *event);
int batcher_add_gap(struct batcher *batcher, const struct gap *gap);
int batcher_add_snapshot(struct batcher *batcher, const struct snapshot_mark *mark);

/* Closes the batch now; nothing happens when it is empty. Returns 0 or -ENOMEM (the batch is kept). */
int batcher_flush(struct batcher *batcher);

#endif
