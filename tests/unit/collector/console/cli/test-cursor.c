/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/console/cli/cursor.h"

struct place {
	char folder[64], file[80];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	(void)snprintf(place->folder, sizeof(place->folder), "/tmp/canopy-cursor-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	(void)snprintf(place->file, sizeof(place->file), "%s/cursor", place->folder);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	(void)unlink(place->file);
	(void)rmdir(place->folder);
	free(place);
	return 0;
}

static void put(const struct place *place, const char *data, size_t len)
{
	FILE *file = fopen(place->file, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void test_written_is_read(void **state)
{
	const struct place *place = *state;
	struct text id = TEXT_NULL;
	DIR *folder;
	unsigned entries = 0;

	assert_int_equal(cursor_read(place->file, &id), 0);
	assert_text(&id, "");
	assert_int_equal(cursor_write(place->file, "12-34.x"), 0);
	assert_int_equal(cursor_write(place->file, "99"), 0);
	assert_int_equal(cursor_read(place->file, &id), 0);
	assert_text(&id, "99");
	/* nothing but the file is left behind */
	folder = opendir(place->folder);
	assert_non_null(folder);
	while (readdir(folder))
		entries++;
	(void)closedir(folder);
	assert_int_equal(entries, 3);
	text_finish(&id);
}

static void test_refused(void **state)
{
	const struct place *place = *state;
	struct text id = TEXT_NULL;
	char big[CURSOR_MAX];

	memset(big, 'x', sizeof(big));
	put(place, big, sizeof(big));
	assert_int_equal(cursor_read(place->file, &id), -EINVAL);
	put(place, "a\r\nX-Evil: 1\n", 13);
	assert_int_equal(cursor_read(place->file, &id), -EINVAL);
	put(place, "\0\1", 2);
	assert_int_equal(cursor_read(place->file, &id), -EINVAL);
	assert_int_equal(cursor_read(place->folder, &id), -EISDIR);
	assert_int_equal(cursor_write("/nonexistent-folder/cursor", "1"), -ENOENT);
	text_finish(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_is_read, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_refused, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
