/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/key.h"

static void test_keys(void **state)
{
	static const struct {
		const char *data;
		enum key expected;
	} rows[] = {
		{"q", KEY_QUIT},
		{"Q", KEY_QUIT},
		{"\003", KEY_QUIT},
		{"j", KEY_DOWN},
		{"k", KEY_UP},
		{"x", KEY_EXITED},
		{" ", KEY_PAUSE},
		{"g", KEY_HOME},
		{"G", KEY_END},
		{"\014", KEY_REDRAW},
		{"z", KEY_OTHER},
		{"\033[A", KEY_UP},
		{"\033[B", KEY_DOWN},
		{"\033OA", KEY_UP},
		{"\033OB", KEY_DOWN},
		{"\033[5~", KEY_PAGE_UP},
		{"\033[6~", KEY_PAGE_DOWN},
		{"\033[H", KEY_HOME},
		{"\033[F", KEY_END},
		{"\033[1~", KEY_HOME},
		{"\033[4~", KEY_END},
		{"\033[1;5A", KEY_UP},
		{"\033[5;2~", KEY_PAGE_UP},
		{"\033[3~", KEY_OTHER},
		{"\033[?1;2c", KEY_OTHER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum key key;

		assert_int_equal(key_parse(rows[i].data, strlen(rows[i].data), &key), strlen(rows[i].data));
		assert_int_equal(key, rows[i].expected);
	}
}

/* Letters inside a sequence are no keys, wherever the sequence is cut. */
static void test_cut_sequences(void **state)
{
	static const char sequence[] = "\033[15;2q";
	enum key key;

	for (size_t len = 0; len < sizeof(sequence) - 1; len++)
		assert_int_equal(key_parse(sequence, len, &key), 0);
	assert_int_equal(key_parse(sequence, sizeof(sequence) - 1, &key), sizeof(sequence) - 1);
	assert_int_equal(key, KEY_OTHER);
}

static void test_rubbish_ends(void **state)
{
	char data[64] = "\033[";
	enum key key;

	memset(data + 2, '1', sizeof(data) - 2);
	assert_int_equal(key_parse(data, sizeof(data), &key), 16);
	assert_int_equal(key, KEY_OTHER);
	assert_int_equal(key_parse("\033q", 2, &key), 1);
	assert_int_equal(key, KEY_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), cmocka_unit_test(test_cut_sequences), cmocka_unit_test(test_rubbish_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
