/* SPDX-License-Identifier: Apache-2.0 */
/* What one host has to send, encoded before the clock starts, so that what is measured is the collector. */
#ifndef CANOPY_TESTS_BENCH_FLEET_FRAMES_H
#define CANOPY_TESTS_BENCH_FLEET_FRAMES_H

#include <stdint.h>

#include "canopy/identity.h"
#include "options.h"

#define FRAMES_OFFSET_NS 1700000000000000000ll /* boottime to wall clock, of every host */

struct frame {
	uint8_t *data; /* owned */
	size_t len;
};

/* Frame n is the batch with number n + 1, behind the heartbeat that goes before it where there is one; or lines of
 * JSON. */
struct frames {
	struct frame *list; /* owned */
	size_t count, capacity;
	size_t resident;                   /* so many at the beginning are those of residents */
	uint64_t events;                   /* in those behind them */
	uint64_t bytes, beats, beat_bytes; /* likewise; bytes without those of heartbeats */
};

struct boot_id frames_boot(const struct options *options, uint32_t host);
/* Ends the program when there is no memory. share: of the events. */
void frames_make(struct frames *ret, const struct options *options, uint32_t host, uint64_t share);
void frames_free(struct frames *frames, size_t n); /* that one is needed no more */

#endif
