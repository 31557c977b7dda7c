/* SPDX-License-Identifier: Apache-2.0 */
/* Full jitter: uniform between nothing and a ceiling that doubles. What a collector asks for is the least, and jitter
 * comes on top of it. */
#include "sensor/uplink/backoff.h"

static uint32_t ceiling_ms(uint32_t attempts)
{
	uint64_t ceiling = BACKOFF_MIN_MS;

	for (uint32_t i = 0; i < attempts && ceiling < BACKOFF_MAX_MS; i++)
		ceiling *= 2;
	return ceiling < BACKOFF_MAX_MS ? (uint32_t)ceiling : BACKOFF_MAX_MS;
}

uint32_t backoff_next(struct backoff *backoff, uint64_t random, uint32_t asked_ms)
{
	uint32_t asked = asked_ms < BACKOFF_ASKED_MAX_MS ? asked_ms : BACKOFF_ASKED_MAX_MS;
	uint32_t wait = 1 + (uint32_t)(random % ceiling_ms(backoff->attempts));

	if (backoff->attempts < UINT32_MAX)
		backoff->attempts++;
	return asked + wait;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->attempts = 0;
}
