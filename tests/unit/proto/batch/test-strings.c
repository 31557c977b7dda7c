/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/batch/strings.h"

static struct strings strings;

static int setup(void **state)
{
	(void)state;
	return strings_init(&strings, 1);
}

static int teardown(void **state)
{
	(void)state;
	strings_finish(&strings);
	return 0;
}

static uint32_t intern(const char *data, uint32_t len)
{
	assert_int_equal(strings_reserve(&strings, 1, len), 0);
	return strings_intern(&strings, bytes_make(data, len));
}

static void test_strings_stand_once(void **state)
{
	char text[16];

	(void)state;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = 1; i <= 20000; i++) {
			int len = snprintf(text, sizeof(text), "%u", i * 7);

			assert_int_equal(intern(text, (uint32_t)len), i);
		}
	}
	assert_int_equal(strings.count, 20000);
	assert_memory_equal(strings_get(&strings, 3).data, "21", 2);
}

/* Strings that differ in length alone, in one byte alone, and hold NULs. */
static void test_likeness_is_not_equality(void **state)
{
	static const char zeros[40];
	char text[40];

	(void)state;
	assert_int_equal(intern(zeros, 0), 0);
	for (uint32_t len = 1; len <= sizeof(zeros); len++)
		assert_int_equal(intern(zeros, len), len);
	for (uint32_t i = 0; i < sizeof(text); i++) {
		memset(text, 0, sizeof(text));
		text[i] = 1;
		assert_int_equal(intern(text, sizeof(text)), sizeof(zeros) + 1 + i);
	}
}

static void test_large_batches_leave_nothing(void **state)
{
	static char large[1000000];

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_int_equal(intern(large, sizeof(large)), 1);
	assert_true(strings.buffer_size >= sizeof(large));
	strings_clear(&strings);
	assert_true(strings.buffer_size < sizeof(large));
	assert_int_equal(strings.used, 0);
	assert_int_equal(intern("a", 1), 1);
}

static void test_clear_forgets(void **state)
{
	(void)state;
	assert_int_equal(intern("a", 1), 1);
	strings_clear(&strings);
	assert_int_equal(intern("b", 1), 1);
	assert_int_equal(intern("a", 1), 2);
	strings.generation = UINT32_MAX; /* what stands in the slots now is of an older generation */
	strings_clear(&strings);
	assert_int_not_equal(strings.generation, 0);
	assert_int_equal(intern("a", 1), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_strings_stand_once),
		TEST(test_likeness_is_not_equality),
		TEST(test_large_batches_leave_nothing),
		TEST(test_clear_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
