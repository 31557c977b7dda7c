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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ceilings_double_up_to_a_bound),
	    cmocka_unit_test(jitter_is_full),
	    cmocka_unit_test(what_the_collector_asks_for_is_the_least),
	    cmocka_unit_test(success_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
