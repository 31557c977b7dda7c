/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/batch/told.h"

static void put(struct told *told, uint32_t tgid, uint64_t start_ns, uint64_t seen_ns)
{
	const struct told_slot slot = {.start_ns = start_ns, .seen_ns = seen_ns, .exe_rules = tgid, .tgid = tgid, .sent = tgid & 1};

	told_put(told, &slot);
}

static const struct told_slot *find(const struct told *told, uint32_t tgid, uint64_t start_ns)
{
	return told_find(told, (struct process_key){.start_ns = start_ns, .tgid = tgid});
}

static void test_put_find_remove(void **state)
{
	struct told told = TOLD_NULL;

	(void)state;
	assert_null(find(&told, 1, 5));
	told_remove(&told, 1); /* of an empty table */
	put(&told, 1, 5, 6);
	put(&told, 2, 7, 8);
	assert_int_equal(find(&told, 1, 5)->seen_ns, 6);
	assert_null(find(&told, 0, 5));
	put(&told, 1, 5, 9);
	assert_int_equal(told.used, 2);
	assert_int_equal(find(&told, 1, 5)->seen_ns, 9);
	told_remove(&told, 3);
	told_remove(&told, 1);
	assert_null(find(&told, 1, 5));
	assert_int_equal(find(&told, 2, 7)->exe_rules, 2);
	told_finish(&told);
}

static void test_a_pid_used_again_is_another(void **state)
{
	struct told told = TOLD_NULL;

	(void)state;
	put(&told, 1, 123456789, 1);
	assert_null(find(&told, 1, 123456790));
	assert_non_null(find(&told, 1, 120000000)); /* as /proc rounds it */
	assert_null(find(&told, 1, 130000000));
	put(&told, 1, 200000001, 2);
	assert_int_equal(told.used, 1);
	assert_null(find(&told, 1, 123456789));
	told_finish(&told);
}

/* Every third goes while others come, so that chains are cut at every place; the table is compared with what must be in it. */
static void test_many(void **state)
{
	enum { MANY = 20000 };
	struct told told = TOLD_NULL;

	(void)state;
	for (uint32_t tgid = 1; tgid <= MANY; tgid++) {
		put(&told, tgid * 7919, tgid, tgid);
		if (tgid % 3 == 0)
			told_remove(&told, (tgid / 3) * 7919);
	}
	for (uint32_t tgid = 1; tgid <= MANY; tgid++)
		assert_int_equal(find(&told, tgid * 7919, tgid) != NULL, tgid > MANY / 3);
	assert_int_equal(told.used, MANY - MANY / 3);
	assert_false(told.overflowed);
	told_sweep(&told, MANY / 2);
	for (uint32_t tgid = 1; tgid <= MANY; tgid++)
		assert_int_equal(find(&told, tgid * 7919, tgid) != NULL, tgid >= MANY / 2);
	told_finish(&told);
}

static void test_full(void **state)
{
	struct told told = TOLD_NULL;

	(void)state;
	for (uint32_t tgid = 1; tgid <= TOLD_MAX; tgid++)
		put(&told, tgid, 5, 5);
	assert_true(told.overflowed);
	assert_int_equal(told.used, TOLD_MAX * 3 / 4);
	assert_non_null(find(&told, 1, 5));
	assert_null(find(&told, TOLD_MAX, 5));
	put(&told, 1, 6, 6); /* one that has its place is still brought up to date */
	assert_non_null(find(&told, 1, 6));
	told_sweep(&told, 7);
	assert_int_equal(told.used, 0);
	told_finish(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_find_remove),
		cmocka_unit_test(test_a_pid_used_again_is_another),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
