/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/forest/graves.h"

static void the_dead_are_remembered_by_host_and_key(void **state)
{
	struct process_key key = {.start_ns = 7, .tgid = 9}, other = {.start_ns = 8, .tgid = 9};
	struct memory memory = {0};
	struct graves graves = {.seed = 5};

	(void)state;
	assert_false(graves_have(&graves, 1, key));
	graves_add(&graves, &memory, 1, key);
	assert_true(graves_have(&graves, 1, key));
	assert_false(graves_have(&graves, 2, key));
	assert_false(graves_have(&graves, 1, other));
	graves_finish(&graves, &memory);
	assert_int_equal(memory.bytes, 0);
}

static void the_newest_are_remembered(void **state)
{
	struct memory memory = {0};
	struct graves graves = {.seed = 5};
	unsigned known = 0, wrong = 0;

	(void)state;
	for (uint64_t i = 1; i <= 4u * GRAVES_MAX; i++)
		graves_add(&graves, &memory, 1, (struct process_key){.start_ns = i, .tgid = 1});
	for (uint64_t i = 0; i < 10000; i++) {
		known += graves_have(&graves, 1, (struct process_key){.start_ns = 4u * GRAVES_MAX - i, .tgid = 1});
		wrong += graves_have(&graves, 1, (struct process_key){.start_ns = 5u * GRAVES_MAX + i, .tgid = 1});
	}
	assert_true(known > 9900); /* the last 10,000 of a million */
	assert_true(wrong < 5);
	graves_finish(&graves, &memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_dead_are_remembered_by_host_and_key),
	    cmocka_unit_test(the_newest_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
