/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/lake/partition.h"

static void test_folders(void **state)
{
	static const struct {
		int64_t wall_ns;
		const char *folder;
	} rows[] = {
		{0, "class=process_activity/day=1970-01-01/hour=00"},
		{-1, "class=process_activity/day=1970-01-01/hour=00"},
		{INT64_MIN, "class=process_activity/day=1970-01-01/hour=00"},
		{1700000000ll * 1000000000, "class=process_activity/day=2023-11-14/hour=22"},
		{951782399ll * 1000000000 + 999999999, "class=process_activity/day=2000-02-28/hour=23"},
		{951782400ll * 1000000000, "class=process_activity/day=2000-02-29/hour=00"},
		{INT64_MAX, "class=process_activity/day=2262-04-11/hour=23"},
	};
	char folder[PARTITION_FOLDER_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		partition_folder(partition_at(LAKE_PROCESS_ACTIVITY, rows[i].wall_ns), folder);
		assert_string_equal(folder, rows[i].folder);
	}
	partition_folder(partition_at(LAKE_GAP, 0), folder);
	assert_string_equal(folder, "class=gap/day=1970-01-01/hour=00");
}

static void test_equality(void **state)
{
	struct partition a = partition_at(LAKE_PROCESS_ACTIVITY, 3599999999999),
			 b = partition_at(LAKE_PROCESS_ACTIVITY, 3600000000000);

	assert_true(partition_equal(a, partition_at(LAKE_PROCESS_ACTIVITY, 0)));
	assert_false(partition_equal(a, b));
	assert_false(partition_equal(a, partition_at(LAKE_GAP, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
