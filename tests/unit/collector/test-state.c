/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/state.h"
#include "tests/unit/folder.h"

static int setup(void **state)
{
	struct folder *folder = malloc(sizeof(*folder));

	*state = folder;
	return folder ? folder_make(folder) : -1;
}

static int teardown(void **state)
{
	folder_remove(*state);
	free(*state);
	return 0;
}

static void assert_refused(const char *dir, int error, const char *part)
{
	char *why = NULL;

	assert_int_equal(state_prepare(dir, &why), error);
	assert_non_null(why);
	assert_non_null(strstr(why, dir));
	if (!strstr(why, part))
		fail_msg("'%s' does not say '%s'", why, part);
	free(why);
}

static void makes_a_folder_for_its_owner_alone(void **state)
{
	char dir[FOLDER_PATH_MAX * 2];
	struct stat status;
	char *why = NULL;

	folder_file(*state, "new", dir);
	assert_int_equal(state_prepare(dir, &why), 0);
	assert_int_equal(stat(dir, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(state_prepare(dir, &why), 0); /* again, now that it is there */
	assert_null(why);
	assert_int_equal(rmdir(dir), 0);
}

static void refuses_what_others_can_write(void **state)
{
	const struct folder *folder = *state;

	assert_int_equal(chmod(folder->path, 0770), 0);
	assert_refused(folder->path, -EPERM, "chmod go-w");
	assert_int_equal(chmod(folder->path, 0702), 0);
	assert_refused(folder->path, -EPERM, "0702");
	assert_int_equal(chmod(folder->path, 0755), 0);
	assert_int_equal(state_prepare(folder->path, NULL), 0);
}

/* A link of our own is the administrator's way to another disk; another user's is not. */
static void refuses_a_link_of_another_user(void **state)
{
	char link[FOLDER_PATH_MAX * 2], dir[FOLDER_PATH_MAX * 2];
	char *why = NULL;

	folder_file(*state, "link", link);
	folder_file(*state, "there", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink(dir, link), 0);
	assert_int_equal(state_prepare(link, &why), 0);
	assert_null(why);
	if (geteuid() == 0) {
		assert_int_equal(lchown(link, 1, 1), 0);
		assert_refused(link, -EPERM, "link that another user has made");
	}
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void refuses_what_is_no_folder(void **state)
{
	char path[FOLDER_PATH_MAX * 2];

	assert_int_equal(folder_append(*state, "file", "x", 1), 0);
	folder_file(*state, "file", path);
	assert_refused(path, -ENOTDIR, "not a folder");
	folder_file(*state, "missing/parent", path);
	assert_refused(path, -ENOENT, "make its parent folder");
}

static void writes_a_line_that_others_can_read(void **state)
{
	const struct folder *folder = *state;
	char path[FOLDER_PATH_MAX * 2], text[64] = "";
	struct stat status;
	FILE *file;

	folder_file(folder, "listen", path);
	assert_int_equal(state_write(folder->path, "listen", "an older and longer line"), 0);
	assert_int_equal(state_write(folder->path, "listen", "127.0.0.1:1"), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 12);
	(void)fclose(file);
	assert_string_equal(text, "127.0.0.1:1\n");
	state_remove(folder->path, "listen");
	assert_int_equal(stat(path, &status), -1);
	state_remove(folder->path, "listen"); /* nothing to remove is no error */
}

static void a_folder_that_is_gone_is_an_error(void **state)
{
	char path[FOLDER_PATH_MAX * 2];

	folder_file(*state, "gone", path);
	assert_int_equal(state_write(path, "listen", "x"), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(makes_a_folder_for_its_owner_alone), TEST(refuses_what_others_can_write),
	    TEST(refuses_a_link_of_another_user),
	    TEST(refuses_what_is_no_folder),          TEST(writes_a_line_that_others_can_read),
	    TEST(a_folder_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
