/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/uplink/backoff.h"

static void ceilings_double_up_to_a_bound(void **state)
{
	static const uint32_t ceilings[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000};
	struct backoff backoff = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(ceilings) / sizeof(*ceilings); i++)
		assert_int_equal(backoff_next(&backoff, ceilings[i] - 1, 0), ceilings[i]);
}

static void jitter_is_full(void **state)
{
	struct backoff backoff = {.attempts = 20};

	(void)state;
	assert_int_equal(backoff_next(&backoff, 0, 0), 1);
	assert_int_equal(backoff_next(&backoff, BACKOFF_MAX_MS - 1, 0), BACKOFF_MAX_MS);
	assert_int_equal(backoff_next(&backoff, BACKOFF_MAX_MS, 0), 1);
	assert_in_range(backoff_next(&backoff, UINT64_MAX, 0), 1, BACKOFF_MAX_MS);
}

static void what_the_collector_asks_for_is_the_least(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	assert_int_equal(backoff_next(&backoff, 0, 5000), 5001);
	assert_int_equal(backoff_next(&backoff, 0, UINT32_MAX), BACKOFF_ASKED_MAX_MS + 1);
}

static void success_begins_anew(void **state)
{
	struct backoff backoff = {.attempts = 9};

	(void)state;
	backoff_reset(&backoff);
	assert_int_equal(backoff_next(&backoff, BACKOFF_MIN_MS - 1, 0), BACKOFF_MIN_MS);
}

#define FLEET 10000u
#define SPREAD_MS 20000u /* what a collector of that fleet says */
#define BINS 200u

/* xorshift64*: the same fleet each time. */
static uint64_t draw(uint64_t *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * 2685821657736338717u;
}

/* The most attempts that fall into one of BINS equal parts of the spread. */
static uint32_t busiest(const uint32_t *waits, uint32_t *ret_outside)
{
	uint32_t bins[BINS] = {0}, most = 0;

	*ret_outside = 0;
	for (uint32_t i = 0; i < FLEET; i++) {
		if (waits[i] > SPREAD_MS)
			(*ret_outside)++;
		else
			bins[(waits[i] - 1) / (SPREAD_MS / BINS)]++;
	}
	for (uint32_t i = 0; i < BINS; i++)
		most = bins[i] > most ? bins[i] : most;
	return most;
}

/* All lose their collector at one moment: 50 a tenth of a second is even, and no tenth sees twice that. */
static void a_fleet_comes_back_evenly(void **state)
{
	static uint32_t waits[FLEET];
	uint64_t random = 88172645463325252u;
	uint32_t outside;

	(void)state;
	for (uint32_t i = 0; i < FLEET; i++) {
		struct backoff backoff = {0};

		backoff_spread(&backoff, SPREAD_MS);
		waits[i] = backoff_next(&backoff, draw(&random), 0);
	}
	assert_in_range(busiest(waits, &outside), 50, 100);
	assert_int_equal(outside, 0);
}

/* It is away for a long time: attempts thin out, and do not fall into step. */
static void a_fleet_that_waits_long_stays_spread(void **state)
{
	static uint32_t at[FLEET];
	uint64_t random = 4711;
	uint32_t outside, begin = 600000;

	(void)state;
	for (uint32_t i = 0; i < FLEET; i++) {
		uint64_t now = 0;
		struct backoff backoff = {.spread_ms = SPREAD_MS};

		while (now <= begin)
			now += backoff_next(&backoff, draw(&random), 0);
		at[i] = (uint32_t)(now - begin); /* the first attempt behind ten minutes */
	}
	assert_in_range(busiest(at, &outside), 1, 130);
	assert_true(outside > 0);
}

static void the_spread_is_the_least_ceiling_and_bounded(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	backoff_spread(&backoff, 20000);
	assert_int_equal(backoff_next(&backoff, 19999, 0), 20000);
	assert_int_equal(backoff_next(&backoff, 29999, 0), 30000);
	backoff_spread(&backoff, UINT32_MAX);
	backoff_reset(&backoff);
	assert_int_equal(backoff_next(&backoff, BACKOFF_SPREAD_MAX_MS - 1, 0), BACKOFF_SPREAD_MAX_MS);
	assert_int_equal(backoff_next(&backoff, BACKOFF_SPREAD_MAX_MS, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ceilings_double_up_to_a_bound),
	    cmocka_unit_test(jitter_is_full),
	    cmocka_unit_test(what_the_collector_asks_for_is_the_least),
	    cmocka_unit_test(success_begins_anew),
	    cmocka_unit_test(a_fleet_comes_back_evenly),
	    cmocka_unit_test(a_fleet_that_waits_long_stays_spread),
	    cmocka_unit_test(the_spread_is_the_least_ceiling_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
