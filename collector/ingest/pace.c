/* SPDX-License-Identifier: Apache-2.0 */
/* Down at once, to what the disk was seen to take; up slowly, by doubling after calm looks. */
#include "collector/ingest/pace.h"

static bool is_pressed(const struct pace_look *look)
{
	return look->stopped || look->memory_tight || look->pending_bytes > PACE_PENDING_HIGH ||
	       (look->pending_bytes > PACE_PENDING_LOW && look->oldest_wait_ns > PACE_WAIT_HIGH_NS);
}

static bool is_at_ease(const struct pace_look *look)
{
	return look->pending_bytes < PACE_PENDING_LOW && look->oldest_wait_ns < PACE_WAIT_HIGH_NS;
}

/* A rate that is in force is never raised by pressure. */
static bool slow_down(struct pace *pace, const struct pace_look *look)
{
	uint32_t before = pace->rate, rate;
	double taken = (double)look->durable * 1e9 / (double)(look->elapsed_ns ? look->elapsed_ns : 1) * PACE_EASE;

	rate = taken < 1 ? 1 : taken > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)taken;
	pace->calm = pace->raises = 0;
	if (before == 0 || rate < before)
		pace->rate = rate;
	return pace->rate != before;
}

static bool speed_up(struct pace *pace)
{
	if (pace->rate == 0 || ++pace->calm < PACE_CALM_LOOKS)
		return false;
	pace->calm = 0;
	if (++pace->raises > PACE_RAISES || pace->rate > UINT32_MAX / 4)
		pace->rate = pace->raises = 0;
	else
		pace->rate *= 2;
	return true;
}

bool pace_decide(struct pace *pace, const struct pace_look *look)
{
	if (is_pressed(look))
		return slow_down(pace, look);
	if (is_at_ease(look))
		return speed_up(pace);
	pace->calm = 0;
	return false;
}
