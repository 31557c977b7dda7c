/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/forest/eras.h"

#define SECOND 1000000000ll

static uint8_t tell(struct eras *eras, struct memory *memory, uint64_t at_ns, int64_t offset_ns)
{
	uint8_t era;

	assert_int_equal(eras_get(eras, memory, offset_ns, &era), 0);
	eras_note(eras, era, at_ns, offset_ns);
	return era;
}

static void the_first_telling_stands_for_its_second(void **state)
{
	struct memory memory = {0};
	struct eras eras = {0};
	uint8_t first;

	(void)state;
	first = tell(&eras, &memory, 100, 5 * SECOND + 70);
	assert_int_equal(tell(&eras, &memory, 200, 5 * SECOND + 90), first);
	assert_int_equal(eras.items[first].offset_ns, 5 * SECOND + 70);
	assert_int_equal(tell(&eras, &memory, 50, 5 * SECOND + 10), first); /* told earlier, heard later */
	assert_int_equal(eras.items[first].offset_ns, 5 * SECOND + 10);
	assert_int_not_equal(tell(&eras, &memory, 300, 3605 * SECOND), first);
	assert_int_equal(tell(&eras, &memory, 400, 5 * SECOND), first);
	eras_finish(&eras, &memory);
	assert_int_equal(memory.bytes, 0);
}

static void a_clock_that_jumps_for_ever_costs_no_more(void **state)
{
	struct memory memory = {0};
	struct eras eras = {0};

	(void)state;
	for (int64_t i = 0; i < 1000; i++)
		(void)tell(&eras, &memory, (uint64_t)i, i * SECOND);
	assert_int_equal(eras.count, ERA_OTHER);
	assert_int_equal(tell(&eras, &memory, 5000, 5000 * SECOND), ERA_OTHER);
	assert_int_equal(tell(&eras, &memory, 5001, 7 * SECOND), 7);
	eras_finish(&eras, &memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_telling_stands_for_its_second),
	    cmocka_unit_test(a_clock_that_jumps_for_ever_costs_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
