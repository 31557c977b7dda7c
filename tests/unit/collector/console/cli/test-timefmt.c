/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/cli/timefmt.h"

/* 2026-11-22 12:01:07.5 UTC, a Sunday */
#define NOW (INT64_C(1795348867) * NS_PER_SECOND + 500000000)
#define MINUTE (60 * NS_PER_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIDNIGHT (INT64_C(1795305600) * NS_PER_SECOND)

struct row {
	const char *text;
	int64_t expected;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t moment = -1;

		if (timefmt_parse(rows[i].text, NOW, &moment) != 0 || moment != rows[i].expected)
			fail_msg("'%s': %lld instead of %lld", rows[i].text, (long long)moment,
				 (long long)rows[i].expected);
	}
}
#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void test_relative(void **state)
{
	const struct row rows[] = {
		{"now", NOW},
		{"10m ago", NOW - 10 * MINUTE},
		{"10 min ago", NOW - 10 * MINUTE},
		{"1h 30min ago", NOW - 90 * MINUTE},
		{"1h30m ago", NOW - 90 * MINUTE},
		{"2 days ago", NOW - 2 * DAY},
		{"-5s", NOW - 5 * NS_PER_SECOND},
		{"+10m", NOW + 10 * MINUTE},
		{"100ms ago", NOW - 100000000},
		{"1.5h ago", NOW - 90 * MINUTE},
		{"  10m ago", NOW - 10 * MINUTE},
		{"30 ago", NOW - 30 * NS_PER_SECOND},
		{"1w ago", NOW - 7 * DAY},
	};

	CHECK(rows);
}

static void test_words_in_utc(void **state)
{
	const struct row rows[] = {
		{"today", MIDNIGHT}, {"yesterday", MIDNIGHT - DAY}, {"tomorrow", MIDNIGHT + DAY}, {"Today", MIDNIGHT}};

	assert_int_equal(timefmt_zone("UTC"), 0);
	CHECK(rows);
}

static void test_calendar(void **state)
{
	const struct row rows[] = {
		{"2026-11-22", MIDNIGHT},
		{"2026-11-22 12:01", MIDNIGHT + 12 * HOUR + MINUTE},
		{"2026-11-22 12:01:07.5", NOW},
		{"2026-11-22T12:01:07.500000000Z", NOW},
		{"2026-11-22T14:01:07.5+02:00", NOW},
		{"2026-11-22 07:01:07.5 -0500", NOW},
		{"Sun 2026-11-22 12:01:07.5 UTC", NOW},
		{"Sunday, 2026-11-22", MIDNIGHT},
		{"12:01:07.5", NOW},
		{"12:01", MIDNIGHT + 12 * HOUR + MINUTE},
		{"2026-11-22T12:01:07.123456789Z", NOW - 376543211},
	};

	assert_int_equal(timefmt_zone("UTC"), 0);
	CHECK(rows);
}

static void test_epoch(void **state)
{
	const struct row rows[] = {
		{"@1795348867", NOW - 500000000},
		{"@1795348867.5", NOW},
		{"1795348867", NOW - 500000000},
		{"@7", 7 * NS_PER_SECOND},
	};

	CHECK(rows);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"yestrday",
		"10m",
		"10x ago",
		"ago",
		"2026-13-01",
		"2026-11-31",
		"2026-11-22 25:00",
		"2026-11-22 12",
		"2026-11-22T",
		"12345",
		"@",
		"@12x",
		"2026-11-22 12:01 MEZ",
		"12:01:07.",
		"now now",
		"-",
		"99999999999999999999",
		"1e300 days ago",
		"+02:00x",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t moment = 42;

		if (timefmt_parse(texts[i], NOW, &moment) != -EINVAL || moment != 42)
			fail_msg("'%s' was taken", texts[i]);
	}
}

static void test_zones(void **state)
{
	struct text out = TEXT_NULL;
	int64_t moment;

	assert_int_equal(timefmt_zone("Atlantis/Capital"), -ENOENT);
	assert_int_equal(timefmt_zone("../../etc/passwd"), -ENOENT);
	assert_int_equal(timefmt_zone(""), -ENOENT);
	/* a fixed rule needs no database of zones */
	assert_int_equal(setenv("TZ", "XYZ-2", 1), 0);
	assert_int_equal(timefmt_zone("local"), 0);
	assert_int_equal(timefmt_parse("2026-11-22 14:01:07.5", NOW, &moment), 0);
	assert_true(moment == NOW);
	assert_int_equal(timefmt_parse("today", NOW, &moment), 0);
	assert_true(moment == MIDNIGHT - 2 * HOUR);
	timefmt_add_full(&out, NOW);
	assert_text(&out, "2026-11-22 14:01:07.500");
	timefmt_add_rfc3339(&out, NOW);
	assert_text(&out, "2026-11-22T12:01:07.500000000Z");
	assert_int_equal(timefmt_zone("UTC"), 0);
	text_finish(&out);
}

static void test_short_and_clock(void **state)
{
	struct text out = TEXT_NULL;

	assert_int_equal(timefmt_zone("UTC"), 0);
	timefmt_add_short(&out, NOW - HOUR, NOW);
	assert_text(&out, "11:01:07");
	timefmt_add_short(&out, NOW - DAY, NOW);
	assert_text(&out, "Nov 21 12:01");
	timefmt_add_short(&out, NOW - 400 * DAY, NOW);
	assert_text(&out, "2025-10-18");
	timefmt_add_clock(&out, NOW);
	assert_text(&out, "12:01:07.500");
	timefmt_add_rfc3339(&out, -1);
	assert_text(&out, "1969-12-31T23:59:59.999999999Z");
	text_finish(&out);
}

static void test_spans(void **state)
{
	const struct row rows[] = {
		{"0us", 0},
		{"850us", 850999},
		{"1.2ms", 1299999},
		{"9.9ms", 9999999},
		{"10ms", 10000000},
		{"350ms", 350000000},
		{"1.5s", 1599999999},
		{"42s", 42 * NS_PER_SECOND},
		{"3m05s", 185 * NS_PER_SECOND},
		{"2h14m", 2 * HOUR + 14 * MINUTE + 59 * NS_PER_SECOND},
		{"3d04h", 3 * DAY + 4 * HOUR},
		{"412d", 412 * DAY + HOUR},
		{"0", -5},
	};
	struct text out = TEXT_NULL;
	int64_t span;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		timefmt_add_span(&out, rows[i].expected);
		assert_true(out.len <= 6);
		assert_text(&out, rows[i].text);
	}
	assert_int_equal(timefmt_parse_span("1h 30min", &span), 0);
	assert_true(span == 90 * MINUTE);
	assert_int_equal(timefmt_parse_span("1h ago", &span), -EINVAL);
	text_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relative), cmocka_unit_test(test_words_in_utc), cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_epoch), cmocka_unit_test(test_refused), cmocka_unit_test(test_zones),
		cmocka_unit_test(test_short_and_clock), cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
