/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/ingest/pace.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define SECOND 1000000000ull

static const struct pace_look calm = {.durable = 500, .elapsed_ns = SECOND};
static const struct pace_look between = {.pending_bytes = PACE_PENDING_LOW + 1, .durable = 10, .elapsed_ns = SECOND};

static void each_pressure_slows_down_to_what_was_taken(void **state)
{
	const struct pace_look looks[] = {
	    {.pending_bytes = PACE_PENDING_HIGH + 1, .durable = 200, .elapsed_ns = 2 * SECOND},
	    {.pending_bytes = PACE_PENDING_LOW + 1, .oldest_wait_ns = PACE_WAIT_HIGH_NS + 1, .durable = 200, .elapsed_ns = 2 * SECOND},
	    {.stopped = true, .durable = 200, .elapsed_ns = 2 * SECOND},
	    {.memory_tight = true, .durable = 200, .elapsed_ns = 2 * SECOND},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		struct pace pace = {0};

		assert_true(pace_decide(&pace, &looks[i]));
		assert_int_equal(pace.rate, 90);
		assert_false(pace_decide(&pace, &looks[i]));
	}
}

static void a_disk_that_takes_nothing_leaves_one_a_second(void **state)
{
	struct pace pace = {0};

	(void)state;
	assert_true(pace_decide(&pace, &(struct pace_look){.stopped = true, .elapsed_ns = SECOND}));
	assert_int_equal(pace.rate, 1);
}

static void a_disk_that_stalls_under_few_bytes_slows_nobody(void **state)
{
	struct pace pace = {0};

	(void)state;
	assert_false(pace_decide(&pace, &(struct pace_look){.pending_bytes = PACE_PENDING_LOW,
							    .oldest_wait_ns = 10 * PACE_WAIT_HIGH_NS,
							    .durable = 3,
							    .elapsed_ns = SECOND}));
	assert_int_equal(pace.rate, 0);
}

static void pressure_never_raises_the_rate(void **state)
{
	struct pace pace = {.rate = 10};

	(void)state;
	assert_false(pace_decide(&pace, &(struct pace_look){.stopped = true, .durable = 1000, .elapsed_ns = SECOND}));
	assert_int_equal(pace.rate, 10);
}

static void nothing_changes_between_the_marks(void **state)
{
	struct pace pace = {.rate = 10};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_false(pace_decide(&pace, &between));
	assert_int_equal(pace.rate, 10);
	pace.rate = 0;
	assert_false(pace_decide(&pace, &between));
	assert_int_equal(pace.rate, 0);
}

static void calm_raises_it_by_doubling_and_ends_it(void **state)
{
	struct pace pace = {.rate = 10};
	unsigned looks = 0;

	(void)state;
	for (; pace.rate == 10; looks++)
		(void)pace_decide(&pace, &calm);
	assert_int_equal(looks, PACE_CALM_LOOKS);
	assert_int_equal(pace.rate, 20);
	/* A moment that is not calm begins the counting anew. */
	(void)pace_decide(&pace, &calm);
	(void)pace_decide(&pace, &between);
	(void)pace_decide(&pace, &calm);
	(void)pace_decide(&pace, &calm);
	assert_int_equal(pace.rate, 20);
	for (looks = 0; pace.rate != 0; looks++)
		(void)pace_decide(&pace, &calm);
	assert_int_equal(looks, 1 + (PACE_RAISES - 1) * PACE_CALM_LOOKS);
	assert_false(pace_decide(&pace, &calm));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_pressure_slows_down_to_what_was_taken),
	    cmocka_unit_test(a_disk_that_takes_nothing_leaves_one_a_second),
	    cmocka_unit_test(a_disk_that_stalls_under_few_bytes_slows_nobody),
	    cmocka_unit_test(pressure_never_raises_the_rate),
	    cmocka_unit_test(nothing_changes_between_the_marks),
	    cmocka_unit_test(calm_raises_it_by_doubling_and_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
