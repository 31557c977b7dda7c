/* SPDX-License-Identifier: Apache-2.0 */
/* Full jitter: uniform between nothing and a ceiling that doubles. The first ceiling grows with the fleet, since only
 * its collector knows how many come back at the same moment: 100 ms are an age for one sensor and a stampede for ten
 * thousand. What a collector asks for is the least, and jitter comes on top of it. */
#include "sensor/uplink/backoff.h"

static uint64_t at_least(uint64_t least, uint64_t value)
{
	return value > least ? value : least;
}

static uint64_t ceiling_ms(const struct backoff *backoff)
{
	uint64_t ceiling = at_least(BACKOFF_MIN_MS, backoff->spread_ms),
		 most = at_least(BACKOFF_MAX_MS, backoff->spread_ms);

	for (uint32_t i = 0; i < backoff->attempts && ceiling < most; i++)
		ceiling *= 2;
	return ceiling < most ? ceiling : most;
}

uint32_t backoff_next(struct backoff *backoff, uint64_t random, uint32_t asked_ms)
{
	uint32_t asked = asked_ms < BACKOFF_ASKED_MAX_MS ? asked_ms : BACKOFF_ASKED_MAX_MS;
	uint32_t wait = 1 + (uint32_t)(random % ceiling_ms(backoff));

	if (backoff->attempts < UINT32_MAX)
		backoff->attempts++;
	return asked + wait;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->attempts = 0;
}

void backoff_spread(struct backoff *backoff, uint32_t spread_ms)
{
	backoff->spread_ms = spread_ms < BACKOFF_SPREAD_MAX_MS ? spread_ms : BACKOFF_SPREAD_MAX_MS;
}
