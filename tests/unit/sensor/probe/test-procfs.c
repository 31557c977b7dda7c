// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/probe/procfs.h"

static const char stat_text[] =
	"4242 (a) b (c) S 17 4000 3999 34816 4242 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456789 0 0 18446744073709551615\n";

static void stat_tells_its_fields(void **state)
{
	struct procfs_stat stat;

	assert_int_equal(procfs_parse_stat(bytes_from_string(stat_text), &stat), 0);
	assert_int_equal(stat.pid, 4242);
	assert_true(bytes_equal(stat.comm, BYTES_LITERAL("a) b (c")));
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.parent, 17);
	assert_int_equal(stat.pgid, 4000);
	assert_int_equal(stat.sid, 3999);
	assert_int_equal(stat.tty, 34816);
	assert_int_equal(stat.flags, 4194560);
	assert_int_equal(stat.start_ticks, 123456789);
}

/* The fields behind the start, up to arg_start and arg_end. */
#define BEHIND "0 0 18446744073709551615 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 "

static uint64_t argv_of(const char *from_start)
{
	char text[512];
	struct procfs_stat stat;

	(void)snprintf(text, sizeof(text), "1 (a) S 0 1 1 0 1 0 1 2 3 4 5 6 7 8 20 0 1 0 99 %s", from_start);
	assert_int_equal(procfs_parse_stat(bytes_from_string(text), &stat), 0);
	assert_int_equal(stat.start_ticks, 99);
	return stat.argv_bytes;
}

static void stat_tells_the_length_of_the_arguments(void **state)
{
	(void)state;
	assert_int_equal(argv_of(BEHIND "140720472123830 140720473123830 50\n"), 1000000);
	assert_int_equal(argv_of(BEHIND "140720472123830 140720472123830 50\n"), 0);
	assert_int_equal(argv_of(BEHIND "0 0 0 0 0\n"), 0);     /* hidden from the reader */
	assert_int_equal(argv_of(BEHIND "7 3 0\n"), 0);
	assert_int_equal(argv_of(BEHIND "140720472123830\n"), 0); /* cut */
	assert_int_equal(argv_of("0 0\n"), 0);                  /* older than 3.5 */
}

static void stat_of_a_kernel_thread_has_minus_one(void **state)
{
	struct procfs_stat stat;

	assert_int_equal(procfs_parse_stat(BYTES_LITERAL("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 31 0"),
					   &stat), 0);
	assert_int_equal(stat.flags & 0x200000, 0x200000);
	assert_int_equal(stat.start_ticks, 31);
}

/* Every prefix is either refused or, once the start time is whole, told; each stands in memory of its own size. */
static void a_cut_stat_is_refused(void **state)
{
	size_t whole = (size_t)(strstr(stat_text, "123456789") - stat_text);

	for (size_t len = 0; len < whole; len++) {
		char *copy = malloc(len + 1);
		struct procfs_stat stat;

		assert_non_null(copy);
		memcpy(copy, stat_text, len);
		assert_int_equal(procfs_parse_stat(bytes_make(copy, len), &stat), -EBADMSG);
		free(copy);
	}
}

static void numbers_too_large_are_refused(void **state)
{
	struct procfs_stat stat;
	uint64_t number;

	assert_int_equal(procfs_parse_stat(BYTES_LITERAL("4294967296 (a) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 31 0"), &stat),
			 -EBADMSG);
	assert_int_equal(procfs_parse_number(BYTES_LITERAL("18446744073709551615\n"), UINT64_MAX, &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(procfs_parse_number(BYTES_LITERAL("18446744073709551616"), UINT64_MAX, &number), -EBADMSG);
	assert_int_equal(procfs_parse_number(BYTES_LITERAL("256"), 255, &number), -EBADMSG);
	assert_int_equal(procfs_parse_number(BYTES_LITERAL("12a"), UINT64_MAX, &number), -EBADMSG);
	assert_int_equal(procfs_parse_number(BYTES_LITERAL(""), UINT64_MAX, &number), -EBADMSG);
	assert_int_equal(procfs_parse_number(BYTES_LITERAL("self"), UINT64_MAX, &number), -EBADMSG);
}

static void status_tells_ids_and_capabilities(void **state)
{
	struct procfs_status status;

	assert_int_equal(procfs_parse_status(BYTES_LITERAL("Name:\tUid:\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNStgid:\t900\t12\t3\n"
							   "CapInh:\t00000000000000ff\nCapPrm:\t000001ffffffffff\n"
							   "CapEff:\t0000000000000000\n"), &status), 0);
	assert_int_equal(status.uid[0], 1);
	assert_int_equal(status.uid[3], 4);
	assert_int_equal(status.gid[0], 5);
	assert_int_equal(status.gid[3], 8);
	assert_int_equal(status.ns_tgid, 3);
	assert_int_equal(status.cap_inheritable, 0xff);
	assert_true(status.cap_permitted == UINT64_C(0x1ffffffffff));
	assert_int_equal(status.cap_effective, 0);
}

static void missing_ids_are_unknown_and_broken_ones_refused(void **state)
{
	struct procfs_status status;

	assert_int_equal(procfs_parse_status(BYTES_NULL, &status), 0);
	assert_true(status.uid[0] == UINT32_MAX && status.gid[3] == UINT32_MAX);
	assert_int_equal(status.ns_tgid, 0);
	assert_int_equal(procfs_parse_status(BYTES_LITERAL("Uid:\t1\t2\t3\n"), &status), -EBADMSG);
	assert_int_equal(procfs_parse_status(BYTES_LITERAL("CapEff:\txyz\n"), &status), -EBADMSG);
}

static void cgroup_is_the_one_of_the_default_hierarchy(void **state)
{
	struct bytes hybrid = BYTES_LITERAL("11:memory:/a\n1:name=systemd:/b\n0::/user.slice/x:y\n");

	assert_true(bytes_equal(procfs_parse_cgroup(hybrid), BYTES_LITERAL("/user.slice/x:y")));
	assert_true(bytes_equal(procfs_parse_cgroup(BYTES_LITERAL("0::/")), BYTES_LITERAL("/")));
	assert_int_equal(procfs_parse_cgroup(BYTES_LITERAL("11:memory:/a\n")).len, 0);
	assert_int_equal(procfs_parse_cgroup(BYTES_NULL).len, 0);
	assert_int_equal(procfs_parse_cgroup(BYTES_LITERAL("0:\n::\n:\npids")).len, 0);
}

static void cgroup_v1_is_that_of_pids(void **state)
{
	const struct bytes v1 = BYTES_LITERAL("9:name=systemd:/a\n8:cpu,pids,net_cls:/docker/b:c\n4:memory:/d\n0::/e\n");
	const struct bytes root = BYTES_LITERAL("0::/system.slice/a.service\n8:pids:/\n");
	const struct bytes others = BYTES_LITERAL("8:rpids:/a\n7:pidsx:/b\n6:name=pids:/c\n0::/d\n");

	assert_true(bytes_equal(procfs_parse_cgroup(v1), BYTES_LITERAL("/docker/b:c")));
	assert_true(bytes_equal(procfs_parse_cgroup(BYTES_LITERAL("8:pids:/a")), BYTES_LITERAL("/a")));
	assert_true(bytes_equal(procfs_parse_cgroup(root), BYTES_LITERAL("/system.slice/a.service")));
	assert_true(bytes_equal(procfs_parse_cgroup(others), BYTES_LITERAL("/d")));
	assert_true(procfs_has_cgroup_v1(v1));
	assert_true(procfs_has_cgroup_v1(root));
	assert_false(procfs_has_cgroup_v1(others));
	assert_false(procfs_has_cgroup_v1(BYTES_NULL));
}

static void boottime_offset_can_be_negative(void **state)
{
	int64_t offset = 0;

	assert_int_equal(procfs_parse_boottime_offset(BYTES_LITERAL("monotonic           0         0\nboottime        86400   500\n"),
						      &offset), 0);
	assert_true(offset == INT64_C(86400000000500));
	assert_int_equal(procfs_parse_boottime_offset(BYTES_LITERAL("boottime  -2  500000000\n"), &offset), 0);
	assert_true(offset == -INT64_C(1500000000));
	assert_int_equal(procfs_parse_boottime_offset(BYTES_LITERAL("monotonic 0 0\n"), &offset), -EBADMSG);
	assert_int_equal(procfs_parse_boottime_offset(BYTES_LITERAL("boottime 1\n"), &offset), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_tells_its_fields),
		cmocka_unit_test(stat_tells_the_length_of_the_arguments),
		cmocka_unit_test(stat_of_a_kernel_thread_has_minus_one),
		cmocka_unit_test(a_cut_stat_is_refused),
		cmocka_unit_test(numbers_too_large_are_refused),
		cmocka_unit_test(status_tells_ids_and_capabilities),
		cmocka_unit_test(missing_ids_are_unknown_and_broken_ones_refused),
		cmocka_unit_test(cgroup_is_the_one_of_the_default_hierarchy),
		cmocka_unit_test(cgroup_v1_is_that_of_pids),
		cmocka_unit_test(boottime_offset_can_be_negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
