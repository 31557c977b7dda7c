/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/lake/cursor.h"
#include "tests/unit/collector/lake/folder.h"

static struct folder folder;
static int fd;

static int setup(void **state)
{
	folder_make(&folder);
	fd = open(folder.state, O_RDONLY | O_DIRECTORY);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)close(fd);
	folder_remove(&folder);
	return 0;
}

static struct cursor sample(size_t moves)
{
	struct cursor cursor = {.writer = "1f0c77ab",
				.next = 1200,
				.intent = moves > 0,
				.to = moves ? 1233 : 0,
				.move_count = moves,
				.received_wall_ns = moves ? 1795338067123456789 : INT64_MIN,
				.to_received_wall_ns = moves ? -5 : 0};

	for (size_t i = 0; i < moves; i++) {
		(void)snprintf(cursor.moves[i].staged, CURSOR_STAGED_MAX, "%u.tmp", (unsigned)(i & 63));
		memset(cursor.moves[i].final, 'a' + (int)(i % 26), CURSOR_FINAL_MAX - 1);
	}
	return cursor;
}

static void assert_cursor(const struct cursor *a, const struct cursor *b)
{
	assert_string_equal(a->writer, b->writer);
	assert_true(a->next == b->next);
	assert_int_equal(a->intent, b->intent);
	assert_true(a->to == b->to);
	assert_true(a->received_wall_ns == b->received_wall_ns);
	assert_true(a->to_received_wall_ns == b->to_received_wall_ns);
	assert_int_equal(a->move_count, b->move_count);
	for (size_t i = 0; i < a->move_count; i++) {
		assert_string_equal(a->moves[i].staged, b->moves[i].staged);
		assert_string_equal(a->moves[i].final, b->moves[i].final);
	}
}

static void test_round_trip(void **state)
{
	static const size_t moves[] = {0, 1, CURSOR_MOVES_MAX, 3, 0};
	struct cursor read;

	assert_int_equal(cursor_load(fd, "c", &read), CURSOR_E_NONE);
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		struct cursor cursor = sample(moves[i]);

		assert_int_equal(cursor_save(fd, "c", &cursor), 0);
		assert_int_equal(cursor_load(fd, "c", &read), 0);
		assert_cursor(&read, &cursor);
	}
}

/* Every cut and every flipped bit is noticed. */
static void test_damage(void **state)
{
	struct cursor cursor = sample(2), parsed;
	char text[4096];
	ssize_t len;
	int file;

	assert_int_equal(cursor_save(fd, "c", &cursor), 0);
	file = openat(fd, "c", O_RDONLY);
	len = read(file, text, sizeof(text));
	assert_true(len > 0);
	(void)close(file);
	assert_int_equal(cursor_parse(text, (size_t)len, &parsed), 0);
	for (ssize_t cut = 0; cut < len; cut++)
		assert_int_equal(cursor_parse(text, (size_t)cut, &parsed), -EBADMSG);
	for (ssize_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		assert_int_equal(cursor_parse(text, (size_t)len, &parsed), -EBADMSG);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"canopy-lake-cursor 1\n",
		"canopy-lake-cursor 2\nwriter 00000000\nnext 1 1\ncrc 0\n",
		"canopy-lake-cursor 1\ncrc 0\n",
		"canopy-lake-cursor 1\nfile\ncrc 0\n",
		"canopy-lake-cursor 1\nfile a b\n",
		"canopy-lake-cursor 1\nnext 1 \ncrc 1\n",
	};
	struct cursor read = {.next = 77};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(cursor_parse(texts[i], strlen(texts[i]), &read), -EBADMSG);
	assert_true(read.next == 77); /* outputs are untouched on failure */
}

static void test_unwritable(void **state)
{
	struct cursor cursor = sample(0);

	assert_int_equal(mkdirat(fd, "c.tmp", 0700), 0);
	assert_int_equal(cursor_save(fd, "c", &cursor), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test_setup_teardown(test_unwritable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
