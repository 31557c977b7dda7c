/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/lake/lake.h"
#include "collector/lake/spec.h"

static void test_accepted(void **state)
{
	static const struct {
		const char *text, *dir;
		uint64_t interval_ms, bytes;
	} rows[] = {
		{"ndjson:/var/lake", "/var/lake", LAKE_INTERVAL_MS, LAKE_FILE_BYTES},
		{"ndjson:lake?interval=1s", "lake", 1000, LAKE_FILE_BYTES},
		{"ndjson:a b?bytes=16M&interval=250ms", "a b", 250, 16ull << 20},
		{"ndjson:x?interval=2h&bytes=4096", "x", 7200000, 4096},
		{"ndjson:x?interval=3m&bytes=1G", "x", 180000, 1ull << 30},
		{"ndjson:x?bytes=8k", "x", LAKE_INTERVAL_MS, 8192},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct lake_spec spec = LAKE_SPEC_NULL;

		assert_int_equal(lake_spec_parse(rows[i].text, &spec, NULL), 0);
		assert_string_equal(spec.dir, rows[i].dir);
		assert_true(spec.interval_ms == rows[i].interval_ms);
		assert_true(spec.bytes == rows[i].bytes);
		lake_spec_finish(&spec);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "ndjson:DIR"},
		{"parquet:/x", "parquet:/x"},
		{"ndjson:", "names no folder"},
		{"ndjson:?interval=1s", "names no folder"},
		{"ndjson:/x?", "unknown option ''"},
		{"ndjson:/x?colour=red", "colour=red"},
		{"ndjson:/x?interval=", "interval="},
		{"ndjson:/x?interval=5", "interval=5"},
		{"ndjson:/x?interval=s", "interval=s"},
		{"ndjson:/x?interval=-1s", "interval=-1s"},
		{"ndjson:/x?interval=1ms", "at least 100ms"},
		{"ndjson:/x?interval=99999999999999999999s", "no time"},
		{"ndjson:/x?bytes=1", "at least 4096"},
		{"ndjson:/x?bytes=17179869185G", "no size"}, /* 64 bits would leave 1G of it */
		{"ndjson:/x?bytes=64MB", "64MB"},
		{"ndjson:/x?bytes=1M&", "unknown option ''"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct lake_spec spec = LAKE_SPEC_NULL;
		char *why = NULL;

		assert_int_equal(lake_spec_parse(rows[i].text, &spec, &why), -EINVAL);
		assert_non_null(why);
		assert_non_null(strstr(why, rows[i].says));
		assert_null(spec.dir);
		free(why);
		assert_int_equal(lake_spec_parse(rows[i].text, &spec, NULL), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
