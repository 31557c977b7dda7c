/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "proto/model/json.h"

static void check(struct json *json, const char *expected)
{
	assert_false(json->failed);
	if (json->len != strlen(expected) || memcmp(json->data, expected, json->len) != 0)
		fail_msg("got %.*s, expected %s", (int)json->len, json->data, expected);
	json_finish(json);
}

static void test_commas(void **state)
{
	struct json json = JSON_EMPTY;

	json_object_begin(&json);
	json_key(&json, "a");
	json_int(&json, -1);
	json_key(&json, "b");
	json_array_begin(&json);
	json_array_begin(&json);
	json_array_end(&json);
	json_object_begin(&json);
	json_object_end(&json);
	json_bool(&json, true);
	json_bool(&json, false);
	json_null(&json);
	json_text(&json, NULL);
	json_array_end(&json);
	json_key(&json, "c");
	json_text(&json, "x");
	json_object_end(&json);
	check(&json, "{\"a\":-1,\"b\":[[],{},true,false,null,null],\"c\":\"x\"}");
}

static void test_numbers(void **state)
{
	struct json json = JSON_EMPTY;

	json_array_begin(&json);
	json_uint(&json, 0);
	json_uint(&json, 9);
	json_uint(&json, 10);
	json_uint(&json, 99);
	json_uint(&json, 100);
	json_uint(&json, UINT64_MAX);
	json_int(&json, INT64_MIN);
	json_int(&json, INT64_MAX);
	json_double(&json, 0.25);
	json_double(&json, NAN);
	json_double(&json, INFINITY);
	json_hex64(&json, 0x1ffffffffff);
	json_array_end(&json);
	check(&json, "[0,9,10,99,100,18446744073709551615,-9223372036854775808,9223372036854775807,0.25,null,null,"
		     "\"000001ffffffffff\"]");
}

static void test_time(void **state)
{
	struct json json = JSON_EMPTY;

	json_array_begin(&json);
	json_time(&json, 0);
	json_time(&json, -1);
	json_time(&json, 951827696123456789);
	json_time(&json, 1795348867123456789);
	json_time(&json, INT64_MAX);
	json_time(&json, INT64_MIN + 1);
	json_time(&json, INT64_MIN);
	json_array_end(&json);
	check(
	    &json,
	    "[\"1970-01-01T00:00:00.000000000Z\",\"1969-12-31T23:59:59.999999999Z\",\"2000-02-29T12:34:56.123456789Z\","
	    "\"2026-11-22T12:01:07.123456789Z\",\"2262-04-11T23:47:16.854775807Z\",\"1677-09-21T00:12:43.145224193Z\","
	    "null]");
}

/* The C library's calendar as the judge, day by day over the whole range. */
static void test_time_against_gmtime(void **state)
{
	for (int64_t day = -106751; day <= 106751; day++) {
		char text[TIME_TEXT_LEN], expected[64];
		time_t seconds = (time_t)(day * 86400 + 43210);
		struct tm tm;

		assert_non_null(gmtime_r(&seconds, &tm));
		assert_true(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm) == TIME_TEXT_LEN);
		time_format(seconds * 1000000000 + 7, text);
		assert_memory_equal(text, expected, TIME_TEXT_LEN);
	}
}

static void test_every_byte_value(void **state)
{
	struct json json = JSON_EMPTY;

	for (unsigned c = 0; c < 256; c++) {
		char byte = (char)c, expected[16];

		if (c == '"' || c == '\\')
			(void)snprintf(expected, sizeof(expected), "\"\\%c\"", (int)c);
		else if (c >= 8 && c <= 13 && c != 11)
			(void)snprintf(expected, sizeof(expected), "\"\\%c\"", "btn?fr"[c - 8]);
		else if (c < 0x20 || c == 0x7f)
			(void)snprintf(expected, sizeof(expected), "\"\\u%04x\"", c);
		else if (c > 0x7f)
			(void)snprintf(expected, sizeof(expected), "\"\\\\x%02x\"", c);
		else
			(void)snprintf(expected, sizeof(expected), "\"%c\"", (int)c);
		json_string(&json, bytes_make(&byte, 1));
		check(&json, expected);
	}
}

/* What needs care is seen at every place of a word and behind it. */
static void test_escape_at_every_place(void **state)
{
	static const struct {
		const char *raw, *written;
	} rows[] = {{"\"", "\\\""},
		    {"\\", "\\\\"},
		    {"\x1f", "\\u001f"},
		    {"\x7f", "\\u007f"},
		    {"\xff", "\\\\xff"},
		    {"\xc2\x9b", "\\u009b"},
		    {"\xe2\x82\xac", "\xe2\x82\xac"},
		    {"\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80"},
		    {"!", "!"},
		    {"#", "#"},
		    {"~", "~"},
		    {" ", " "}};

	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		for (size_t before = 0; before < 20; before++) {
			char raw[64], expected[80];
			struct json json = JSON_EMPTY;

			(void)snprintf(raw, sizeof(raw), "%.*s%stail of it", (int)before, "abcdefghijklmnopqrst",
				       rows[row].raw);
			(void)snprintf(expected, sizeof(expected), "\"%.*s%stail of it\"", (int)before,
				       "abcdefghijklmnopqrst", rows[row].written);
			json_string(&json, bytes_from_string(raw));
			check(&json, expected);
		}
	}
}

/* An independent reader understands all of it, and gives back the text. */
static void test_read_back(void **state)
{
	char raw[3 * 256];
	struct json json = JSON_EMPTY;
	json_error_t error;
	json_t *read, *first;

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (char)(i * 7);
	json_array_begin(&json);
	json_string(&json, bytes_make(raw, sizeof(raw)));
	json_string(&json, BYTES_NULL);
	json_array_end(&json);
	read = json_loadb(json.data, json.len, JSON_ALLOW_NUL, &error);
	assert_non_null(read);
	assert_int_equal(json_array_size(read), 2);
	first = json_array_get(read, 0);
	assert_non_null(memmem(json_string_value(first), json_string_length(first), "\\xff", 4));
	json_decref(read);
	json_finish(&json);
}

static void test_base64(void **state)
{
	static const char *const rows[][2] = {{"", "\"\""}, {"f", "\"Zg==\""}, {"fo", "\"Zm8=\""}, {"foo", "\"Zm9v\""},
					      {"foob", "\"Zm9vYg==\""}, {"\xff\xfe\xfd", "\"//79\""}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json json = JSON_EMPTY;

		json_base64(&json, bytes_from_string(rows[i][0]));
		check(&json, rows[i][1]);
	}
}

static void test_grows_and_keeps(void **state)
{
	struct json json = JSON_EMPTY;
	char big[100000];

	memset(big, '"', sizeof(big));
	json_string(&json, bytes_make(big, sizeof(big)));
	assert_int_equal(json.len, 2 * sizeof(big) + 2);
	for (size_t i = 1; i + 1 < json.len; i++)
		assert_int_equal(json.data[i], i % 2 ? '\\' : '"');
	json_reset(&json);
	json_null(&json);
	check(&json, "null");
}

static void test_failure_stays(void **state)
{
	struct json json = JSON_EMPTY;

	json_null(&json);
	assert_false(json_reserve(&json, SIZE_MAX / 2));
	json_null(&json);
	assert_true(json.failed);
	assert_int_equal(json.len, 4);
	json_reset(&json);
	json_uint(&json, 1);
	check(&json, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_time_against_gmtime),
		cmocka_unit_test(test_every_byte_value),
		cmocka_unit_test(test_escape_at_every_place),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_grows_and_keeps),
		cmocka_unit_test(test_failure_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
