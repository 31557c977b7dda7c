/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/batch/table.h"

struct row {
	uint32_t key, value;
};

static struct table table;

static int setup(void **state)
{
	(void)state;
	return table_init(&table, sizeof(struct row), sizeof(uint32_t), 500, 1);
}

static int teardown(void **state)
{
	(void)state;
	table_finish(&table);
	return 0;
}

static uint32_t intern(uint32_t key, uint32_t value)
{
	return table_intern(&table, &(struct row){key, value});
}

static void test_rows_stand_once(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 500; i++)
		assert_int_equal(intern(i * 1000, i), i);
	for (uint32_t i = 500; i >= 1; i--)
		assert_int_equal(intern(i * 1000, 0), i); /* the value is no key and stays as it was */
	assert_int_equal(table.count, 500);
	assert_int_equal(((struct row *)table_row(&table, 77))->value, 77);
}

static void test_zeros_are_row_0(void **state)
{
	(void)state;
	assert_int_equal(intern(0, 9), 0);
	assert_int_equal(table.count, 0);
}

static void test_appended_rows_are_not_found(void **state)
{
	(void)state;
	assert_int_equal(table_append(&table, &(struct row){5, 1}), 1);
	assert_int_equal(intern(5, 2), 2);
	assert_int_equal(intern(5, 3), 2);
}

/* Also over the wrap-around of the generation, when slots of long ago would come alive. */
static void test_clear_forgets(void **state)
{
	(void)state;
	assert_int_equal(intern(5, 1), 1);
	for (unsigned i = 0; i < 3; i++) {
		table_clear(&table);
		assert_int_equal(table.count, 0);
		assert_int_equal(intern(6, 1), 1);
		assert_int_equal(intern(5, 2), 2);
	}
	table_clear(&table);
	table.generation = UINT32_MAX;
	assert_int_equal(intern(7, 1), 1);
	table_clear(&table);
	assert_int_not_equal(table.generation, 0);
	assert_int_equal(intern(5, 1), 1);
	assert_int_equal(intern(7, 1), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows_stand_once),
		TEST(test_zeros_are_row_0),
		TEST(test_appended_rows_are_not_found),
		TEST(test_clear_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
