/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/downtime.h"
#include "tests/unit/folder.h"

static const struct boot_id boot = {{0x01, 0x23, 0xfe}}, another = {{0x02}};
static struct folder folder;

static int setup(void **state)
{
	(void)state;
	return folder_make(&folder);
}

static int teardown(void **state)
{
	(void)state;
	folder_remove(&folder);
	return 0;
}

/* What a sensor of that boot learns at its start. */
static uint64_t watched_until(const struct boot_id *of)
{
	struct downtime downtime;
	uint64_t until = 4711;

	assert_int_equal(downtime_open(&downtime, folder.path, of, &until), 0);
	downtime_close(&downtime);
	return until;
}

static void write_file(const char *text)
{
	char path[FOLDER_PATH_MAX * 2];
	FILE *file;

	folder_file(&folder, DOWNTIME_FILE, path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void what_was_written_last_is_read(void **state)
{
	static const uint64_t times[] = {1, UINT64_MAX, 60000000000, 7}; /* in place, whatever was longer before */
	struct downtime downtime;
	uint64_t until;

	(void)state;
	assert_int_equal(watched_until(&boot), 0); /* nobody did */
	assert_int_equal(downtime_open(&downtime, folder.path, &boot, &until), 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_int_equal(downtime_write(&downtime, times[i]), 0);
		assert_true(watched_until(&boot) == times[i]);
	}
	downtime_close(&downtime);
}

static void another_boot_knows_nothing(void **state)
{
	struct downtime downtime;
	uint64_t until;

	(void)state;
	assert_int_equal(downtime_open(&downtime, folder.path, &boot, &until), 0);
	assert_int_equal(downtime_write(&downtime, 5), 0);
	downtime_close(&downtime);
	assert_int_equal(watched_until(&another), 0);
	assert_int_equal(watched_until(&boot), 5); /* looking changes nothing */
}

static void a_line_that_is_not_whole_is_none(void **state)
{
	static const char *const lines[] = {"", "\n", "0123fe", "0123fe00000000000000000000000000 ", "0123fe00000000000000000000000000 00000000000000000099",
					    "0123fe00000000000000000000000000 x\n", "\xff\xfe 1\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		write_file(lines[i]);
		assert_int_equal(watched_until(&boot), 0);
	}
	write_file("0123fe00000000000000000000000000 99\n"); /* as an earlier version wrote it */
	assert_int_equal(watched_until(&boot), 99);
}

static void without_its_folder_it_is_of_no_use(void **state)
{
	struct downtime downtime;
	uint64_t until = 1;

	(void)state;
	assert_int_equal(downtime_open(&downtime, "/nonexistent", &boot, &until), -ENOENT);
	assert_int_equal(until, 0);
	assert_int_equal(downtime_write(&downtime, 1), -EBADF);
	downtime_close(&downtime);
}

/* Whoever prepared the folder decides neither where a privileged sensor writes nor that it waits. */
static void what_is_no_file_is_not_written_to(void **state)
{
	char path[FOLDER_PATH_MAX * 2], victim[FOLDER_PATH_MAX * 2];
	struct downtime downtime;
	uint64_t until;

	(void)state;
	folder_file(&folder, DOWNTIME_FILE, path);
	folder_file(&folder, "victim", victim);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(downtime_open(&downtime, folder.path, &boot, &until), -ELOOP);
	assert_int_equal(access(victim, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(downtime_open(&downtime, folder.path, &boot, &until), -EMEDIUMTYPE);
	assert_int_equal(downtime_write(&downtime, 1), -EBADF);
	downtime_close(&downtime);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_last_is_read),
		TEST(another_boot_knows_nothing),
		TEST(a_line_that_is_not_whole_is_none),
		TEST(without_its_folder_it_is_of_no_use),
		TEST(what_is_no_file_is_not_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
