/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>

#include "proto/model/when.h"

#define NOW 1795348867123456789 /* 2026-11-22T12:01:07.123456789Z */
#define SECOND 1000000000ll
#define DAY (86400 * SECOND)
#define TODAY 1795305600000000000 /* 2026-11-22 */

static void test_moments(void **state)
{
	static const struct {
		const char *text;
		int64_t expected;
	} rows[] = {
	    {"now", NOW},
	    {"today", TODAY},
	    {"yesterday", TODAY - DAY},
	    {"tomorrow", TODAY + DAY},
	    {" now ", NOW},
	    {"10m ago", NOW - 600 * SECOND},
	    {"1h 30m ago", NOW - 5400 * SECOND},
	    {"1h30m ago", NOW - 5400 * SECOND},
	    {"5 minutes ago", NOW - 300 * SECOND},
	    {"2 days ago", NOW - 2 * DAY},
	    {"-1.5s", NOW - 1500000000},
	    {"+1w", NOW + 7 * DAY},
	    {"2026-11-22T12:01:07.123456789Z", NOW},
	    {"2026-11-22t12:01:07.123456789z", NOW},
	    {"2026-11-22 12:01:07.1234567899", NOW},
	    {"2026-11-22T13:01:07.123456789+01:00", NOW},
	    {"2026-11-22T06:31:07.123456789-0530", NOW},
	    {"2026-11-22", TODAY},
	    {"2026-11-22 00:00 UTC", TODAY},
	    {"2026-11-22T00:00", TODAY},
	    {"12:00", TODAY + DAY / 2},
	    {"12:00:01.5", TODAY + DAY / 2 + 1500000000},
	    {"@0", 0},
	    {"@1795348867.123456789", NOW},
	    {"1970-01-01", 0},
	    {"1969-12-31T23:59:59Z", -SECOND},
	    {"2000-02-29", 951782400 * SECOND},
	    {"2016-12-31T23:59:60Z", 1483228800 * SECOND},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 1;

		if (when_parse(bytes_from_string(rows[i].text), NOW, 0, &value) != 0 || value != rows[i].expected)
			fail_msg("'%s' gave %lld, expected %lld", rows[i].text, (long long)value,
				 (long long)rows[i].expected);
	}
}

static void test_offset(void **state)
{
	int64_t value;

	assert_int_equal(when_parse(BYTES_LITERAL("2026-11-22 13:00"), NOW, 3600, &value), 0);
	assert_int_equal(value, TODAY + DAY / 2);
	assert_int_equal(when_parse(BYTES_LITERAL("2026-11-22 12:00Z"), NOW, 3600, &value), 0);
	assert_int_equal(value, TODAY + DAY / 2);
	assert_int_equal(when_parse(BYTES_LITERAL("today"), NOW, 43200, &value), 0); /* there it is the 23rd already */
	assert_int_equal(value, TODAY + DAY / 2);
	assert_int_equal(when_parse(BYTES_LITERAL("today"), -SECOND, 0, &value), 0);
	assert_int_equal(value, -DAY);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "x",
	    "10m",
	    "ago",
	    " ago",
	    "10 ago",
	    "m ago",
	    "10mago ago",
	    "-",
	    "+",
	    "-10",
	    "@",
	    "@x",
	    "@1x",
	    "2026",
	    "2026-11",
	    "2026-13-01",
	    "2026-00-01",
	    "2026-02-29",
	    "2026-11-31",
	    "2026-11-22T",
	    "2026-11-22T1:00",
	    "2026-11-22 24:00",
	    "2026-11-22 12:60",
	    "2026-11-22 12:00:61",
	    "2026-11-22 12:00+1",
	    "2026-11-22 12:00 x",
	    "0000-01-01",
	    "25:00",
	    "12:0",
	    "2026-11-22x",
	    "yesterdayx",
	};
	static const char *const beyond[] = {"9999-01-01", "0001-01-01", "@99999999999", "-99999999w",
					     "-99999999999999999999s"};
	int64_t value = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (when_parse(bytes_from_string(bad[i]), NOW, 0, &value) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		if (when_parse(bytes_from_string(beyond[i]), NOW, 0, &value) != -ERANGE)
			fail_msg("'%s' was taken", beyond[i]);
	assert_int_equal(value, 42);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t expected; /* negative: the error */
	} rows[] = {
	    {"100ms", 100000000},
	    {"1s", SECOND},
	    {"1.5s", 1500000000},
	    {"0.25 h", 900 * SECOND},
	    {"2h30m", 9000 * SECOND},
	    {"1d", DAY},
	    {"1 week", 7 * DAY},
	    {"5", 5},
	    {"7ns", 7},
	    {"3us", 3000},
	    {"3\xc2\xb5s", 3000},
	    {"1.9ns", 1},
	    {"0.0000000001s", 0},
	    {"", -EINVAL},
	    {"s", -EINVAL},
	    {"1x", -EINVAL},
	    {"1h2", -EINVAL},
	    {"-1s", -EINVAL},
	    {"1.s", SECOND},
	    {"1..5s", -EINVAL},
	    {"99999999999999999999", -ERANGE},
	    {"99999999w", -ERANGE},
	    {"292y", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 42;
		int r = duration_parse(bytes_from_string(rows[i].text), &value);

		if (rows[i].expected < 0 ? r != rows[i].expected || value != 42 : r != 0 || value != rows[i].expected)
			fail_msg("'%s' gave %d, %lld", rows[i].text, r, (long long)value);
	}
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t expected;
	} rows[] = {
	    {"0", 0, 0},
	    {"4k", 0, 4096},
	    {"4K", 0, 4096},
	    {"4KiB", 0, 4096},
	    {"4kB", 0, 4096},
	    {"1m", 0, 1 << 20},
	    {"2G", 0, 2ll << 30},
	    {"1T", 0, 1ll << 40},
	    {"-7", 0, -7},
	    {"0x1f", 0, 31},
	    {"9223372036854775807", 0, INT64_MAX},
	    {"9223372036854775808", -ERANGE, 0},
	    {"8388608t", -ERANGE, 0},
	    {"", -EINVAL, 0},
	    {"k", -EINVAL, 0},
	    {"4x", -EINVAL, 0},
	    {"4ki", -EINVAL, 0},
	    {"4kk", -EINVAL, 0},
	    {"0x", -EINVAL, 0},
	    {"0xg", -EINVAL, 0},
	    {"0xffffffffffffffff", -ERANGE, 0},
	    {"0x11111111111111111", -ERANGE, 0},
	    {"1.5k", -EINVAL, 0},
	    {"--1", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 0;
		int r = size_parse(bytes_from_string(rows[i].text), &value);

		if (r != rows[i].r || (r == 0 && value != rows[i].expected))
			fail_msg("'%s' gave %d, %lld", rows[i].text, r, (long long)value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
