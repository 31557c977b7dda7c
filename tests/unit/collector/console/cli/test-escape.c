/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/escape.h"
#include "collector/console/cli/glyph.h"
#include "collector/console/cli/object.h"

static const char *escaped(struct text *out, const char *value, size_t len, bool utf8)
{
	text_reset(out);
	escape_text(out, bytes_make(value, len), utf8);
	return text_string(out);
}
#define ESCAPED(out, literal) escaped((out), (literal), sizeof(literal) - 1, true)

static void test_plain_text_stays(void **state)
{
	struct text out = TEXT_NULL;

	assert_string_equal(ESCAPED(&out, "/usr/bin/curl -s ~!@#$%^&*()"), "/usr/bin/curl -s ~!@#$%^&*()");
	assert_string_equal(ESCAPED(&out, "日本語 Größe é 🌳"), "日本語 Größe é 🌳");
	assert_string_equal(ESCAPED(&out, ""), "");
	text_finish(&out);
}

static void test_controls(void **state)
{
	struct text out = TEXT_NULL;

	assert_string_equal(ESCAPED(&out, "\033[31mred\033]0;title\007"), "\\x1b[31mred\\x1b]0;title\\x07");
	assert_string_equal(ESCAPED(&out, "a\nb\tc\rd\0e\177"), "a\\x0ab\\x09c\\x0dd\\x00e\\x7f");
	/* C1: a terminal may take U+009B for the beginning of an escape sequence */
	assert_string_equal(ESCAPED(&out, "\xc2\x9b" "31m"), "\\xc2\\x9b31m");
	text_finish(&out);
}

static void test_every_byte_alone(void **state)
{
	struct text out = TEXT_NULL;
	char expected[8];

	for (int c = 0; c < 256; c++) {
		char byte = (char)c;

		if (c >= 0x20 && c < 0x7f)
			(void)snprintf(expected, sizeof(expected), "%c", c);
		else
			(void)snprintf(expected, sizeof(expected), "\\x%02x", (unsigned)c);
		assert_string_equal(escaped(&out, &byte, 1, true), expected);
		assert_string_equal(escaped(&out, &byte, 1, false), expected);
	}
	text_finish(&out);
}

static void test_direction_and_invisible(void **state)
{
	struct text out = TEXT_NULL;

	assert_string_equal(ESCAPED(&out, "a\u202eb"), "a\\xe2\\x80\\xaeb");
	assert_string_equal(ESCAPED(&out, "a\u2066b\u2069"), "a\\xe2\\x81\\xa6b\\xe2\\x81\\xa9");
	assert_string_equal(ESCAPED(&out, "a\u200bb\u00adc\ufeff"), "a\\xe2\\x80\\x8bb\\xc2\\xadc\\xef\\xbb\\xbf");
	assert_string_equal(ESCAPED(&out, "\U000e0041"), "\\xf3\\xa0\\x81\\x81");
	text_finish(&out);
}

static void test_not_utf8(void **state)
{
	struct text out = TEXT_NULL;

	assert_string_equal(ESCAPED(&out, "a\xff" "b"), "a\\xffb");
	assert_string_equal(ESCAPED(&out, "\xc0\xaf"), "\\xc0\\xaf"); /* overlong slash */
	assert_string_equal(ESCAPED(&out, "\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
	assert_string_equal(ESCAPED(&out, "\xe6\x97"), "\\xe6\\x97"); /* cut */
	assert_string_equal(ESCAPED(&out, "\xe6\x97/x"), "\\xe6\\x97/x");
	text_finish(&out);
}

static void test_combining_marks(void **state)
{
	struct text out = TEXT_NULL;

	assert_string_equal(ESCAPED(&out, "e\u0301x"), "e\u0301x");
	assert_string_equal(ESCAPED(&out, "\u0301x"), "\\xcc\\x81x");
	assert_string_equal(ESCAPED(&out, "e\u0301\u0301\u0301\u0301"), "e\u0301\u0301\u0301\\xcc\\x81");
	text_finish(&out);
}

static void test_without_utf8(void **state)
{
	struct text out = TEXT_NULL;

	assert_string_equal(escaped(&out, "Gr\xc3\xb6\xc3\x9f" "e", 7, false), "Gr\\xc3\\xb6\\xc3\\x9fe");
	text_finish(&out);
}

static void test_arguments(void **state)
{
	static const struct {
		const char *argument, *expected;
	} rows[] = {
		{"-s", "-s"},           {"", "''"},           {"a b", "'a b'"},
		{"it's", "'it'\\''s'"}, {"$HOME", "'$HOME'"}, {"x=1,2:3@%+^_-./", "x=1,2:3@%+^_-./"},
		{"a\nb", "'a\\x0ab'"},  {"日本", "日本"},     {"'", "''\\'''"},
		{"*", "'*'"},
	};
	struct text out = TEXT_NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		escape_argument(&out, bytes_from_string(rows[i].argument), true);
		assert_text(&out, rows[i].expected);
	}
	text_finish(&out);
}

/* Escaping for a terminal leaves the document the same. */
static void test_json(void **state)
{
	static const char document[] = "{\"a\":\"x\u202ey\xc2\x9bz\U000e0041\u65e5\",\n\"b\":[1,\"\\u001b\"]}";
	struct text out = TEXT_NULL;
	json_t *before, *after;

	escape_json(&out, BYTES_LITERAL(document), true);
	assert_string_equal(text_string(&out), "{\"a\":\"x\\u202ey\\u009bz\\udb40\\udc41日\",\n\"b\":[1,"
	"\"\\u001b\"]}");
	before = object_parse(document, sizeof(document) - 1);
	after = object_parse(out.data, out.len);
	assert_non_null(before);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	text_reset(&out);
	escape_json(&out, BYTES_LITERAL("\"\xff\033\""), false);
	assert_text(&out, "\"\\ufffd\\u001b\"");
	text_finish(&out);
}

/* Whatever comes in: nothing goes out that a terminal could take for more than text, and nothing of the plain part is lost. */
static void test_random_bytes(void **state)
{
	struct text out = TEXT_NULL;
	uint64_t random = 88172645463325252u; /* xorshift with a fixed seed: the same bytes every time */
	char value[64];

	for (unsigned round = 0; round < 20000; round++) {
		uint32_t point;

		for (size_t i = 0; i < sizeof(value); i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			/* half of it from the range where UTF-8 sequences are made of */
			value[i] = (char)(random >> 32 & 1 ? 0x80 | (random >> 40 & 0x7f) : random >> 40);
		}
		text_reset(&out);
		escape_text(&out, bytes_make(value, sizeof(value)), true);
		for (size_t at = 0, bytes; at < out.len; at += bytes) {
			bytes = glyph_decode(out.data + at, out.len - at, &point);
			assert_true(bytes > 0);
			assert_true(glyph_columns(point) >= 0 && point >= 0x20);
			assert_false(point >= 0x202a && point <= 0x202e);
		}
		assert_true(out.len >= sizeof(value));
	}
	text_finish(&out);
}

static void test_widths(void **state)
{
	size_t width;

	assert_int_equal(glyph_width("abc", 3), 3);
	assert_int_equal(glyph_width("日本", 6), 4);
	assert_int_equal(glyph_width("e\u0301", 3), 1);
	/* a wide glyph that fits half does not fit */
	assert_int_equal(glyph_fit("a日本", 7, 4, &width), 4);
	assert_int_equal(width, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_stays),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_every_byte_alone),
		cmocka_unit_test(test_direction_and_invisible),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_combining_marks),
		cmocka_unit_test(test_without_utf8),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_widths),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
