/* SPDX-License-Identifier: Apache-2.0 */
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/batch/users.h"

static unsigned lookups;
static const char *format;

/* Even numbers have a name, odd ones none. */
static size_t fake(uint32_t uid, char *name, size_t size)
{
	char text[128];
	int len = snprintf(text, sizeof(text), format, uid);

	lookups++;
	if (uid % 2)
		return 0;
	len = len < (int)size ? len : (int)size;
	memcpy(name, text, (size_t)len);
	return (size_t)len;
}

static int setup(void **state)
{
	lookups = 0;
	format = "user%u";
	return users_create_with((struct users **)state, fake);
}

static int teardown(void **state)
{
	users_destroy(*state);
	users_destroy(NULL);
	return 0;
}

static void expect(struct users *users, uint32_t uid, uint64_t now_ns, const char *name, unsigned so_far)
{
	struct bytes got = users_name(users, uid, now_ns);

	assert_int_equal(got.len, strlen(name));
	assert_memory_equal(got.data, name, got.len);
	assert_int_equal(lookups, so_far);
}

static void test_names_are_remembered(void **state)
{
	expect(*state, 1000, 1, "user1000", 1);
	expect(*state, 1000, 2, "user1000", 1);
	expect(*state, 0, 3, "user0", 2);
	expect(*state, UINT32_MAX, 4, "", 3);
	expect(*state, UINT32_MAX, 5, "", 3); /* that there is none, too */
	expect(*state, 1000, 6, "user1000", 3);
}

static void test_ids_that_share_a_slot(void **state)
{
	expect(*state, 8, 1, "user8", 1);
	expect(*state, 8 + USERS_MAX, 1, "user1032", 2);
	expect(*state, 8, 1, "user8", 3);
}

static void test_names_expire(void **state)
{
	expect(*state, 1000, 5, "user1000", 1);
	format = "renamed%u";
	expect(*state, 1000, 5 + USERS_KEEP_NS, "user1000", 1);
	expect(*state, 1000, 6 + USERS_KEEP_NS, "renamed1000", 2);
}

static void test_long_names_are_cut(void **state)
{
	format = "0123456789012345678901234567890123456789012345678901234567890123456789%u";
	assert_int_equal(users_name(*state, 2, 1).len, 64);
}

static void test_names_of_this_host(void **state)
{
	struct users *users;
	struct passwd *root = getpwuid(0);
	struct bytes name;

	(void)state;
	if (!root)
		skip();
	assert_int_equal(users_create(&users), 0);
	name = users_name(users, 0, 1);
	assert_int_equal(name.len, strlen(root->pw_name));
	assert_memory_equal(name.data, root->pw_name, name.len);
	assert_int_equal(users_name(users, UINT32_MAX - 7, 1).len, 0);
	users_destroy(users);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_remembered),
		TEST(test_ids_that_share_a_slot),
		TEST(test_names_expire),
		TEST(test_long_names_are_cut),
		TEST(test_names_of_this_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
