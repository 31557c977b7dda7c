/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/cli/listing.h"

static const char first[] = "{\"pid\":9223372036854775807,\"comm\":\"a,\\\"b\\\"\",\"argv\":[\"x\"],\"z\" : 1.10}";
static const char second[] = "{\"pid\":2,\"comm\":\"\\u202e\\u009b\",\"argv\":null}";
/* the same as second, with the code points in the open */
static const char open_second[] = "{\"pid\":2,\"comm\":\"\u202e\xc2\x9b\",\"argv\":null}";

static void lists(enum output_format format, const char *fields, bool is_terminal, struct bytes a, struct bytes b,
		  const char *expected)
{
	struct terminal terminal = {.utf8 = true, .is_terminal = is_terminal, .columns = is_terminal ? 80 : 0};
	struct text problem = TEXT_NULL;
	struct listing listing;
	char *data = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&data, &len);

	assert_non_null(out);
	assert_int_equal(listing_open(&listing, &terminal, format, column_process_table(), fields, "pid,comm",
				      "pid,comm,command", 0, out, &problem),
			 0);
	if (a.len)
		assert_int_equal(listing_add(&listing, a), 0);
	if (b.len)
		assert_int_equal(listing_add(&listing, b), 0);
	assert_int_equal(listing_end(&listing), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(data, expected);
	listing_close(&listing);
	text_finish(&problem);
	free(data);
}

static void test_ndjson_is_passed_through(void **state)
{
	struct text expected = TEXT_NULL;

	text_printf(&expected, "%s\n%s\n", first, open_second);
	lists(OUTPUT_NDJSON, NULL, false, BYTES_LITERAL(first), BYTES_LITERAL(open_second), text_string(&expected));
	text_reset(&expected);
	text_printf(&expected, "%s\n%s\n", first, second);
	/* on a terminal it is the same document in a form that cannot fool it */
	lists(OUTPUT_NDJSON, NULL, true, BYTES_LITERAL(first), BYTES_LITERAL(open_second), text_string(&expected));
	lists(OUTPUT_NDJSON, NULL, true, BYTES_NULL, BYTES_NULL, "");
	text_finish(&expected);
}

static void test_json_is_one_document(void **state)
{
	struct text expected = TEXT_NULL;

	text_printf(&expected, "[\n%s,\n%s\n]\n", first, second);
	lists(OUTPUT_JSON, NULL, false, BYTES_LITERAL(first), BYTES_LITERAL(second), text_string(&expected));
	lists(OUTPUT_JSON, NULL, false, BYTES_NULL, BYTES_NULL, "[]\n");
	text_finish(&expected);
}

static void test_json_of_fields(void **state)
{
	lists(OUTPUT_NDJSON, "pid,exit_code,command", false, BYTES_LITERAL(first), BYTES_NULL,
	      "{\"pid\":9223372036854775807,\"exit_code\":null,\"command\":[\"x\"]}\n");
}

static void test_csv(void **state)
{
	lists(OUTPUT_CSV, NULL, false, BYTES_LITERAL(first), BYTES_LITERAL(second),
	      "pid,comm\n9223372036854775807,\"a,\"\"b\"\"\"\n2,\\xe2\\x80\\xae\\xc2\\x9b\n");
}

static void test_tables(void **state)
{
	lists(OUTPUT_TABLE, NULL, false, BYTES_LITERAL(second), BYTES_NULL,
	      "   PID COMM\n     2 \\xe2\\x80\\xae\\xc2\\x9b\n");
	lists(OUTPUT_WIDE, NULL, false, BYTES_LITERAL(second), BYTES_NULL,
	      "   PID COMM                 COMMAND\n     2 \\xe2\\x80\\xae\\xc2\\x9b (\\xe2\\x80\\xae\\xc2\\x9b)\n");
}

static void test_refused(void **state)
{
	struct terminal terminal = {.utf8 = true};
	struct text problem = TEXT_NULL;
	struct listing listing;

	assert_int_equal(listing_open(&listing, &terminal, OUTPUT_TABLE, column_process_table(), "nme", "pid", "pid", 0,
				      stdout, &problem),
			 -EINVAL);
	assert_text(&problem, "there is no field 'nme'");
	listing_close(&listing);
	assert_int_equal(listing_open(&listing, &terminal, OUTPUT_TABLE, column_process_table(), NULL, "pid", "pid", 0,
				      stdout, &problem),
			 0);
	assert_int_equal(listing_add(&listing, BYTES_LITERAL("[1]")), -EBADMSG);
	assert_int_equal(listing_add(&listing, BYTES_LITERAL("{\"pid\":18446744073709551616}")), -EBADMSG);
	assert_int_equal(listing_add(&listing, BYTES_LITERAL("{\"pid\":1\0}")), -EBADMSG);
	listing_close(&listing);
	text_finish(&problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ndjson_is_passed_through),
		cmocka_unit_test(test_json_is_one_document),
		cmocka_unit_test(test_json_of_fields),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
