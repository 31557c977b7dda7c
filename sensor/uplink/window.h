/* SPDX-License-Identifier: Apache-2.0 */
/* The batches in flight, by number: sent and not acknowledged. Numbers may jump, so they are counted and not
 * subtracted. */
#ifndef CANOPY_SENSOR_UPLINK_WINDOW_H
#define CANOPY_SENSOR_UPLINK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_MAX 256u /* a collector may grant more; this is what a sensor makes use of */

struct window {
	uint64_t seqs[WINDOW_MAX];
	uint32_t start, count, limit;
};

/* granted: batches that the collector allows; at least one is taken for granted. */
void window_init(struct window *window, uint32_t granted);
bool window_is_full(const struct window *window);
void window_add(struct window *window, uint64_t seq); /* not when it is full */
/* Everything up to seq has arrived. */
void window_ack(struct window *window, uint64_t seq);

#endif
