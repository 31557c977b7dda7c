/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/forest/gaps.h"

#define MAX 8u

static struct gap gap_at(uint64_t to_ns)
{
	return (struct gap){.type = FACT_EXEC, .reason = GAP_RING_FULL, .from_ns = 1, .to_ns = to_ns, .count = 2};
}

static bool add(struct gaps *gaps, struct memory *memory, uint64_t to_ns)
{
	struct gap gap = gap_at(to_ns);
	bool news;

	assert_int_equal(gaps_add(gaps, memory, MAX, &gap, &news), 0);
	return news;
}

static void any_order_gives_the_same_list(void **state)
{
	static const uint64_t orders[2][5] = {{5, 1, 4, 2, 3}, {1, 2, 3, 4, 5}};

	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		struct memory memory = {0};
		struct gaps gaps = {0};

		for (unsigned i = 0; i < 5; i++)
			assert_true(add(&gaps, &memory, orders[order][i]));
		for (unsigned i = 0; i < 5; i++)
			assert_false(add(&gaps, &memory, i + 1));
		assert_int_equal(gaps.count, 5);
		assert_int_equal(gaps.lost[FACT_EXEC], 10);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(gaps.items[i].gap.to_ns, i + 1);
		gaps_finish(&gaps, &memory);
		assert_int_equal(memory.bytes, 0);
	}
}

static void the_newest_stay_and_older_ones_count_for_nothing(void **state)
{
	struct memory memory = {0};
	struct gaps gaps = {0};

	(void)state;
	for (uint64_t i = 1; i <= 2 * MAX; i++)
		assert_true(add(&gaps, &memory, 10 * i));
	assert_int_equal(gaps.count, MAX);
	assert_int_equal(gaps.items[0].gap.to_ns, 10 * (MAX + 1));
	assert_false(add(&gaps, &memory, 10)); /* may have been counted */
	assert_int_equal(gaps.lost[FACT_EXEC], 2 * 2 * MAX);
	assert_true(add(&gaps, &memory, 10 * (MAX + 1) + 5)); /* between those that are held */
	assert_int_equal(gaps.items[0].gap.to_ns, 10 * (MAX + 1) + 5);
	gaps_finish(&gaps, &memory);
}

/* Also where the gaps themselves have gone. */
static void losses_add_up_by_type_and_reason(void **state)
{
	struct memory memory = {0};
	struct gaps gaps = {0};
	bool news;

	(void)state;
	for (uint32_t reason = GAP_RING_FULL; reason <= GAP_FOREST_FULL + 1; reason++) {
		for (uint32_t type = 0; type <= FACT_SNAPSHOT + 1; type++) {
			struct gap gap = {.type = type, .reason = reason, .from_ns = 1, .to_ns = 10 * reason, .count = 100 * reason + type};

			assert_int_equal(gaps_add(&gaps, &memory, MAX, &gap, &news), 0);
			assert_true(news);
			assert_int_equal(gaps_add(&gaps, &memory, MAX, &gap, &news), 0);
			assert_false(news);
		}
	}
	assert_int_equal(gaps.count, MAX);
	for (uint32_t reason = GAP_RING_FULL; reason <= GAP_FOREST_FULL; reason++) {
		assert_int_equal(gaps.losses->facts[0][reason], 2 * 100 * reason + FACT_SNAPSHOT + 1); /* and that of a type to come */
		for (uint32_t type = FACT_FORK; type <= FACT_SNAPSHOT; type++)
			assert_int_equal(gaps.losses->facts[type][reason], 100 * reason + type);
		assert_int_equal(gaps.losses->gaps[reason], FACT_SNAPSHOT + 2);
	}
	assert_int_equal(gaps.losses->facts[FACT_EXEC][0], 100 * (GAP_FOREST_FULL + 1) + FACT_EXEC); /* a reason to come */
	gaps_finish(&gaps, &memory);
	assert_int_equal(memory.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_order_gives_the_same_list),
	    cmocka_unit_test(the_newest_stay_and_older_ones_count_for_nothing),
	    cmocka_unit_test(losses_add_up_by_type_and_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
