/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <stdbool.h>
#include <string.h>

#include "proto/model/utf8.h"

static size_t encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void test_every_code_point(void **state)
{
	char text[4];

	for (uint32_t c = 0; c < 0x120000; c++) {
		size_t len = encode(c, text);
		bool surrogate = c >= 0xd800 && c < 0xe000;

		assert_int_equal(utf8_sequence(text, len), surrogate || c > 0x10ffff ? 0 : len);
		for (size_t cut = 1; cut < len; cut++)
			assert_int_equal(utf8_sequence(text, cut), 0);
	}
}

static void test_overlong_is_refused(void **state)
{
	assert_int_equal(utf8_sequence("\xc0\x80", 2), 0);
	assert_int_equal(utf8_sequence("\xc1\xbf", 2), 0);
	assert_int_equal(utf8_sequence("\xe0\x9f\xbf", 3), 0);
	assert_int_equal(utf8_sequence("\xf0\x8f\xbf\xbf", 4), 0);
	assert_int_equal(utf8_sequence("\xf5\x80\x80\x80", 4), 0);
	assert_int_equal(utf8_sequence("\xff", 1), 0);
	assert_int_equal(utf8_sequence("\x80", 1), 0);
}

/* A bad byte is found wherever it stands, the word-wide steps included. */
static void test_valid_finds_a_bad_byte_anywhere(void **state)
{
	char text[40];

	memset(text, 'a', sizeof(text));
	assert_true(utf8_valid(text, sizeof(text)));
	assert_true(utf8_valid(NULL, 0));
	for (size_t at = 0; at < sizeof(text); at++) {
		text[at] = (char)0xff;
		assert_false(utf8_valid(text, sizeof(text)));
		assert_true(utf8_valid(text, at));
		text[at] = 'a';
	}
	memcpy(text + 5, "\xe2\x82\xac", 3);
	assert_true(utf8_valid(text, sizeof(text)));
	assert_false(utf8_valid(text, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_overlong_is_refused),
		cmocka_unit_test(test_valid_finds_a_bad_byte_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
