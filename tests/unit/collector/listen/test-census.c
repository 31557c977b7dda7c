/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/listen/census.h"

enum log_level log_level = LOG_LEVEL_ERROR;

static const uint8_t one[16] = {1}, other[16] = {2};

static void assert_counts(const struct census_counts *counts, uint32_t of_address, uint32_t securing, uint32_t of_all)
{
	assert_int_equal(counts->of_address, of_address);
	assert_int_equal(counts->securing, securing);
	assert_int_equal(counts->of_all, of_all);
}

static void each_address_has_its_own_counts(void **state)
{
	struct census_counts counts;
	struct census census;

	(void)state;
	assert_int_equal(census_init(&census), 0);
	census_come(&census, one, true, &counts);
	assert_counts(&counts, 1, 1, 1);
	census_come(&census, one, true, &counts);
	assert_counts(&counts, 2, 2, 2);
	census_come(&census, other, true, &counts);
	assert_counts(&counts, 1, 1, 3);
	census_come(&census, other, false, &counts); /* in the clear */
	assert_counts(&counts, 2, 1, 4);
	census_finish(&census);
}

static void who_has_shaken_hands_is_still_connected(void **state)
{
	struct census_counts counts;
	struct census census;

	(void)state;
	assert_int_equal(census_init(&census), 0);
	census_come(&census, one, true, &counts);
	census_secured(&census, one);
	census_come(&census, one, true, &counts);
	assert_counts(&counts, 2, 1, 2);
	census_secured(&census, one);
	census_go(&census, one);
	census_go(&census, one);
	census_come(&census, one, true, &counts);
	assert_counts(&counts, 1, 1, 1);
	census_finish(&census);
}

/* An address that there was no memory to count. */
static void who_was_not_counted_takes_nothing_away(void **state)
{
	struct census_counts counts;
	struct census census;

	(void)state;
	assert_int_equal(census_init(&census), 0);
	census_secured(&census, one);
	census_come(&census, one, false, &counts);
	census_secured(&census, one);
	census_come(&census, one, true, &counts);
	assert_counts(&counts, 2, 1, 2);
	census_finish(&census);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_address_has_its_own_counts),
	    cmocka_unit_test(who_has_shaken_hands_is_still_connected),
	    cmocka_unit_test(who_was_not_counted_takes_nothing_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
