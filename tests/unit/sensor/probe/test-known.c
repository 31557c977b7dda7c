// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/probe/known.h"

static void keys_are_found_among_many(void **state)
{
	struct known known = KNOWN_NULL;

	assert_null(known_find(&known, 1));
	for (uint32_t tgid = 1; tgid <= 5000; tgid++)
		assert_int_equal(known_add(&known, (struct process_key){.start_ns = tgid * 10u, .tgid = tgid * 7}, tgid % 2), 0);
	for (uint32_t tgid = 1; tgid <= 5000; tgid++) {
		const struct known_slot *slot = known_find(&known, tgid * 7);

		assert_non_null(slot);
		assert_int_equal(slot->key.start_ns, tgid * 10u);
		assert_int_equal(slot->listed, tgid % 2);
	}
	assert_null(known_find(&known, 5001 * 7));
	assert_int_equal(known.used, 5000);
	known_finish(&known);
	known_finish(&known);
}

static void listed_stays_with_the_identity(void **state)
{
	const struct process_key key = {.start_ns = 5, .tgid = 9}, later = {.start_ns = 6, .tgid = 9};
	struct known known = KNOWN_NULL;

	assert_int_equal(known_add(&known, key, true), 0);
	assert_int_equal(known_add(&known, key, false), 0);
	assert_true(known_find(&known, 9)->listed);
	assert_int_equal(known_add(&known, later, false), 0);
	assert_false(known_find(&known, 9)->listed);
	assert_int_equal(known.used, 1);
	known_finish(&known);
}

static void nobody_is_left_out(void **state)
{
	struct known known = KNOWN_NULL;

	assert_int_equal(known_add(&known, (struct process_key){.start_ns = 5}, true), 0);
	assert_null(known_find(&known, 0));
	known_finish(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_among_many),
		cmocka_unit_test(listed_stays_with_the_identity),
		cmocka_unit_test(nobody_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
