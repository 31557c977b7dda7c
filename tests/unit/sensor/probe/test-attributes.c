/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor/probe/attributes.h"

static void the_fields_are_those_of_stat(void **state)
{
	static const char *const paths[] = {"/proc/self/exe", "/proc/self/cwd", "/", "/dev/null"};
	struct stat expected, got;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		assert_int_equal(stat(paths[i], &expected), 0);
		assert_int_equal(attributes_get(AT_FDCWD, paths[i], &got), 0);
		assert_int_equal(got.st_dev, expected.st_dev);
		assert_int_equal(got.st_ino, expected.st_ino);
		assert_int_equal(got.st_mode, expected.st_mode);
		assert_int_equal(got.st_nlink, expected.st_nlink);
		assert_int_equal(got.st_uid, expected.st_uid);
		assert_int_equal(got.st_gid, expected.st_gid);
		assert_int_equal(got.st_ctim.tv_sec, expected.st_ctim.tv_sec);
		assert_int_equal(got.st_ctim.tv_nsec, expected.st_ctim.tv_nsec);
	}
}

static void paths_begin_at_the_folder(void **state)
{
	int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat expected, got;

	assert_true(dir >= 0);
	assert_int_equal(fstatat(dir, "exe", &expected, 0), 0);
	assert_int_equal(attributes_get(dir, "exe", &got), 0);
	assert_int_equal(got.st_ino, expected.st_ino);
	assert_int_equal(attributes_get(dir, "no such file", &got), -ENOENT);
	(void)close(dir);
	assert_int_equal(attributes_get(dir, "exe", &got), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_are_those_of_stat),
		cmocka_unit_test(paths_begin_at_the_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
