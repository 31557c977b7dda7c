/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor/batch/clock.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static int64_t now(clockid_t id)
{
	struct timespec at;

	assert_int_equal(clock_gettime(id, &at), 0);
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* The test may itself run in a time namespace: the child's clock is compared with the parent's, not with the system's.
 */
static void test_boottime_runs(void **state)
{
	struct clock clock;
	uint64_t first, second;

	(void)state;
	clock_init(&clock);
	first = clock_boottime(&clock);
	second = clock_boottime(&clock);
	assert_true(second >= first);
	assert_true(first > 0);
}

/* boottime plus the difference is the wall clock, within what the readings themselves take. */
static void test_wall(void **state)
{
	int64_t before, difference, wall, after;
	struct clock clock;

	(void)state;
	clock_init(&clock);
	before = now(CLOCK_REALTIME);
	difference = clock_boottime_to_wall(&clock);
	wall = (int64_t)clock_boottime(&clock) + difference;
	after = now(CLOCK_REALTIME);
	/* a clock that NTP slews while this runs may be off by a little: a millisecond is far above that */
	assert_in_range(wall, before - 1000000, after + 1000000);
}

/* 0: the clock of a process in a namespace that is a day ahead is the parent's; 1: it is not; 2: not permitted here. */
static int compare_in_namespace(uint64_t before)
{
	static const char offsets[] = "boottime 86400 500000000\n";
	int fd, status;
	pid_t pid;

	if (unshare(CLONE_NEWTIME) < 0)
		return 2;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, offsets, sizeof(offsets) - 1) != (ssize_t)sizeof(offsets) - 1)
		return 2;
	(void)close(fd);
	pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		struct clock clock;
		uint64_t here;
		int64_t skew;

		clock_init(&clock);
		here = clock_boottime(&clock);
		skew = (int64_t)here + clock_boottime_to_wall(&clock) - now(CLOCK_REALTIME);
		_exit(here < before || here - before > UINT64_C(3600000000000) || skew > 1000000000 ||
		      skew < -1000000000);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* In a process of its own: a namespace is entered for good. */
static void test_time_namespace(void **state)
{
	int status, channel[2];
	struct clock clock;
	uint64_t before;
	pid_t pid;

	(void)state;
	clock_init(&clock);
	assert_int_equal(pipe(channel), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (read(channel[0], &before, sizeof(before)) != (ssize_t)sizeof(before))
			_exit(1);
		_exit(compare_in_namespace(before));
	}
	before = clock_boottime(&clock);
	assert_int_equal(write(channel[1], &before, sizeof(before)), sizeof(before));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(channel[0]);
	(void)close(channel[1]);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_namespace),
		cmocka_unit_test(test_boottime_runs),
		cmocka_unit_test(test_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
