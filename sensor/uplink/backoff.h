/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt: exponential with full jitter, so that a fleet that lost its collector at
 * one moment does not come back at one moment. No clock and no randomness of its own. */
#ifndef CANOPY_SENSOR_UPLINK_BACKOFF_H
#define CANOPY_SENSOR_UPLINK_BACKOFF_H

#include <stdint.h>

#define BACKOFF_MIN_MS 100u          /* ceiling of the first wait: a restarted collector is back within that */
#define BACKOFF_MAX_MS 30000u        /* ceiling of all later ones: what a fleet may be late after an outage */
#define BACKOFF_SPREAD_MAX_MS 60000u /* a collector that wants its fleet spread wider is not believed */
#define BACKOFF_ASKED_MAX_MS 600000u /* a collector that asks for more is not believed */

struct backoff {
	uint32_t attempts;  /* failed ones in a row */
	uint32_t spread_ms; /* in which the collector wants its fleet to come back; 0 = not said */
};

/* The next wait in ms, from 1 on; random: any 64 random bits; asked_ms: what the collector asked for at least, 0 =
 * nothing. */
uint32_t backoff_next(struct backoff *backoff, uint64_t random, uint32_t asked_ms);
/* The connection has been of use. */
void backoff_reset(struct backoff *backoff);
/* What the collector said; holds until it says something else. */
void backoff_spread(struct backoff *backoff, uint32_t spread_ms);

#endif
