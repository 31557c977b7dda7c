/* SPDX-License-Identifier: Apache-2.0 */
/* Two sources of names: files that know even numbers below 10000, and a directory that answers only as fast as the test lets it. */
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sensor/batch/users.h"

#define DIRECTORY 10000u        /* ids from here on are the directory's: even ones have a name */
#define PATIENCE_NS 20000000000 /* longer than any machine needs; reached only by a failure */

static unsigned lookups;
static const char *format;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned allowed; /* answers that may still be given */
	unsigned begun, given;
	bool fails;
} directory = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static size_t name_of(uint32_t uid, char *name, size_t size)
{
	char text[128];
	int len = snprintf(text, sizeof(text), format, uid);

	if (uid % 2)
		return 0;
	len = len < (int)size ? len : (int)size;
	memcpy(name, text, (size_t)len);
	return (size_t)len;
}

static size_t files(uint32_t uid, char *name, size_t size)
{
	lookups++;
	return uid < DIRECTORY ? name_of(uid, name, size) : 0;
}

static size_t ask_directory(uint32_t uid, char *name, size_t size)
{
	size_t len = 0;

	(void)pthread_mutex_lock(&directory.lock);
	directory.begun++;
	(void)pthread_cond_broadcast(&directory.changed);
	while (directory.allowed == 0)
		(void)pthread_cond_wait(&directory.changed, &directory.lock);
	directory.allowed--;
	if (directory.fails)
		len = USERS_FAILED;
	else if (uid >= DIRECTORY)
		len = name_of(uid, name, size);
	directory.given++;
	(void)pthread_cond_broadcast(&directory.changed);
	(void)pthread_mutex_unlock(&directory.lock);
	return len;
}

static void allow(unsigned answers)
{
	(void)pthread_mutex_lock(&directory.lock);
	directory.allowed += answers;
	(void)pthread_cond_broadcast(&directory.changed);
	(void)pthread_mutex_unlock(&directory.lock);
}

static void wait_for(const unsigned *count, unsigned least)
{
	struct timespec until;
	int r = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_NS / 1000000000;
	(void)pthread_mutex_lock(&directory.lock);
	while (*count < least && r == 0)
		r = pthread_cond_timedwait(&directory.changed, &directory.lock, &until);
	(void)pthread_mutex_unlock(&directory.lock);
	assert_int_equal(r, 0);
}

static int make(void **state, uint64_t wait_ns, unsigned allowed)
{
	lookups = 0;
	format = "user%u";
	directory.allowed = allowed;
	directory.begun = directory.given = 0;
	directory.fails = false;
	return users_create_with((struct users **)state, &(struct users_source){files, ask_directory, wait_ns});
}

static int setup(void **state) /* a directory that answers at once */
{
	return make(state, PATIENCE_NS, 1000000);
}

static int setup_slow(void **state) /* one that has to be allowed to; nobody waits long for it */
{
	return make(state, 1000, 0);
}

static int teardown(void **state)
{
	users_destroy(*state);
	users_destroy(NULL);
	return 0;
}

static void expect_name(struct users *users, uint32_t uid, uint64_t now_ns, const char *name)
{
	struct bytes got = users_name(users, uid, now_ns);

	assert_int_equal(got.len, strlen(name));
	assert_memory_equal(got.data, name, got.len);
}

static void expect(struct users *users, uint32_t uid, uint64_t now_ns, const char *name, unsigned so_far)
{
	expect_name(users, uid, now_ns, name);
	assert_int_equal(lookups, so_far);
}

static time_t seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* The thread puts an answer down a moment after it was given: looked for until it is there. */
static void expect_soon(struct users *users, uint32_t uid, uint64_t now_ns, const char *name)
{
	const time_t end = seconds() + PATIENCE_NS / 1000000000;

	while (users_name(users, uid, now_ns).len != strlen(name) && seconds() < end)
		;
	expect_name(users, uid, now_ns, name);
}

static void expect_late(struct users *users)
{
	const time_t end = seconds() + PATIENCE_NS / 1000000000;

	while (!users_take_late(users))
		assert_true(seconds() < end);
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

static void test_the_directory_names_the_first_fact(void **state)
{
	expect_name(*state, DIRECTORY, 1, "user10000");
	expect_name(*state, DIRECTORY + 1, 1, "");
	expect_name(*state, DIRECTORY + 2, 1, "user10002");
	assert_int_equal(directory.given, 3);
	expect_name(*state, DIRECTORY + 1, 2, "");
	assert_int_equal(directory.given, 3); /* that there is none is remembered */
	assert_false(users_take_late(*state));
}

/* The wait is paid once: whoever comes while an answer is overdue passes without it. */
static void test_a_slow_directory_holds_nothing_up(void **state)
{
	struct users *users = *state;

	for (uint32_t i = 0; i < 10; i++)
		expect_name(users, DIRECTORY + 2 * i, 1, "");
	expect_name(users, 1000, 1, "user1000"); /* files do not stand behind it */
	assert_false(users_take_late(users));
	wait_for(&directory.begun, 1);
	allow(1);
	wait_for(&directory.given, 1);
	expect_late(users);
	expect_name(users, DIRECTORY, 2, "user10000"); /* the next fact has it */
	assert_false(users_take_late(users));
	allow(9);
	wait_for(&directory.given, 10);
	expect_late(users);
}

static void test_the_known_name_stays_while_it_is_asked_again(void **state)
{
	struct users *users = *state;

	expect_name(users, DIRECTORY, 1, "");
	allow(1);
	expect_late(users);
	expect_name(users, DIRECTORY, 2, "user10000");
	format = "renamed%u";
	expect_name(users, DIRECTORY, 2 + 2 * USERS_KEEP_NS, "user10000");
	wait_for(&directory.begun, 2);
	allow(1);
	wait_for(&directory.given, 2);
	expect_soon(users, DIRECTORY, 3 + 2 * USERS_KEEP_NS, "renamed10000");
	assert_false(users_take_late(users)); /* no fact went without a name */
}

static void test_a_failing_directory_takes_no_name_away(void **state)
{
	expect_name(*state, DIRECTORY, 1, "user10000");
	directory.fails = true;
	expect_name(*state, DIRECTORY, 2 + USERS_KEEP_NS, "user10000");
	assert_int_equal(directory.given, 2);
	expect_name(*state, DIRECTORY + 2, 2 + USERS_KEEP_NS, "");
}

static void test_questions_are_bounded(void **state)
{
	struct users *users = *state;

	for (uint32_t i = 0; i < 3 * USERS_ASKED_MAX; i++)
		expect_name(users, DIRECTORY + 2 * i, 1, "");
	allow(4 * USERS_ASKED_MAX);
	wait_for(&directory.given, USERS_ASKED_MAX);
	expect_late(users);
	assert_int_equal(directory.given, USERS_ASKED_MAX);
	/* Who found no room is asked again, but not with every fact. */
	expect_name(users, DIRECTORY + 2 * USERS_ASKED_MAX, 2, "");
	assert_int_equal(directory.begun, USERS_ASKED_MAX);
	(void)users_name(users, DIRECTORY + 2 * USERS_ASKED_MAX, 2 + USERS_AGAIN_NS);
	wait_for(&directory.given, USERS_ASKED_MAX + 1);
}

/* The sensor ends although the directory never answers; the thread frees what it holds when it does. */
static void test_the_end_waits_for_nobody(void **state)
{
	expect_name(*state, DIRECTORY, 1, "");
	wait_for(&directory.begun, 1);
	users_destroy(*state);
	*state = NULL;
	allow(1);
	wait_for(&directory.given, 1);
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

#define SLOW(name) cmocka_unit_test_setup_teardown(name, setup_slow, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_remembered),
		TEST(test_ids_that_share_a_slot),
		TEST(test_names_expire),
		TEST(test_the_directory_names_the_first_fact),
		SLOW(test_a_slow_directory_holds_nothing_up),
		SLOW(test_the_known_name_stays_while_it_is_asked_again),
		TEST(test_a_failing_directory_takes_no_name_away),
		SLOW(test_questions_are_bounded),
		SLOW(test_the_end_waits_for_nobody),
		TEST(test_long_names_are_cut),
		TEST(test_names_of_this_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
