/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people type them, read twice: by the command line and by filters. What both take must mean the same, and what we write of a moment
 * must be read as that moment by both. In UTC. */
#include <errno.h>
#include <time.h>

#include "collector/console/cli/timefmt.h"
#include "proto/model/when.h"
#include "tests/fuzz/input.h"

#define NOW 1795348867123456789 /* 2026-11-22T12:01:07.123456789Z */

static uint64_t away(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* The command line computes spans in floating point, of 53 bits. */
static void check_same(int64_t a, int64_t b)
{
	must(away(a, b) <= 1000 + (away(a, NOW) >> 50));
}

/* Two days less than 64 bits hold: a day must fit whole. */
static bool is_writable(int64_t moment)
{
	int64_t most = INT64_MAX - 2 * 86400 * NS_PER_SECOND;

	return moment <= most && moment >= -most;
}

static void check_written(int64_t moment)
{
	struct text text = TEXT_NULL;
	int64_t again = 0;

	timefmt_add_rfc3339(&text, moment);
	must(when_parse(text_bytes(&text), NOW, 0, &again) == 0 && again == moment);
	if (away(moment, 0) < (uint64_t)(INT64_MAX / 2 - NS_PER_SECOND))
		must(timefmt_parse(text_string(&text), NOW, &again) == 0 && again == moment);
	text_reset(&text);
	timefmt_add_full(&text, moment);
	must(when_parse(text_bytes(&text), NOW, 0, &again) == 0 && moment >= again && moment - again < 1000000);
	timefmt_add_short(&text, moment, NOW);
	timefmt_add_clock(&text, moment);
	text_finish(&text);
}

static void check_span(int64_t span)
{
	struct text text = TEXT_NULL;

	timefmt_add_span(&text, span);
	must(text.len >= 1 && (text.len <= 6 || span > INT64_C(99999) * 86400 * NS_PER_SECOND));
	text_finish(&text);
}

static void check_moments(const char *string, struct bytes text)
{
	int64_t typed = 1, filtered = 2;
	int a = timefmt_parse(string, NOW, &typed), b = when_parse(text, NOW, 0, &filtered);

	must((a == 0 || a == -EINVAL) && (b == 0 || b == -EINVAL || b == -ERANGE));
	must(b == 0 || filtered == 2);
	if (a == 0 && b == 0)
		check_same(typed, filtered);
	if (a == 0)
		check_written(typed);
	if (b == 0 && is_writable(filtered))
		check_written(filtered);
}

static void check_spans(const char *string, struct bytes text)
{
	int64_t typed, asked;
	int a = timefmt_parse_span(string, &typed), b = duration_parse(text, &asked);
	bool bare = strspn(string, " 0123456789") == text.len; /* seconds here, nanoseconds there */

	if (a == 0)
		must(typed >= 0);
	if (a == 0 && b == 0 && !bare)
		must(away(typed, asked) <= 1000u + (uint64_t)(typed >> 50));
	if (a == 0)
		check_span(typed);
	if (b == 0)
		check_span(asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = input_string(bytes_make(data, size));
	struct bytes text = bytes_from_string(string);
	int64_t amount;

	if (size > 200) {
		free(string);
		return 0;
	}
	must(timefmt_zone("UTC") == 0);
	check_moments(string, text);
	check_spans(string, text);
	(void)size_parse(text, &amount);
	free(string);
	return 0;
}
