/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>

#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"

static void test_members_are_exact(void **state)
{
	static const char document[] =
		"{ \"next\" : \"c,]}\\\"\", \"processes\" : [ {\"a\":[1,"
		 "{\"b\":\"]\"}], \"n\":9223372036854775807} ,\n{\"s\":\"\\\\\"},{}\n],"
		"\"incomplete\":[\"x\"]}";
	struct page page = PAGE_NULL;
	struct bytes member;

	assert_int_equal(page_open(&page, BYTES_LITERAL(document), "processes"), 0);
	assert_true(page_next(&page, &member));
	assert_true(bytes_equal(member, BYTES_LITERAL("{\"a\":[1,{\"b\":\"]\"}], \"n\":9223372036854775807}")));
	assert_true(page_next(&page, &member));
	assert_true(bytes_equal(member, BYTES_LITERAL("{\"s\":\"\\\\\"}")));
	assert_true(page_next(&page, &member));
	assert_true(bytes_equal(member, BYTES_LITERAL("{}")));
	assert_false(page_next(&page, &member));
	assert_false(page_next(&page, &member));
	assert_true(bytes_equal(object_string(page.rest, "next"), BYTES_LITERAL("c,]}\"")));
	assert_true(object_has_word(page.rest, "incomplete", "x"));
	page_finish(&page);
}

static void test_empty_list(void **state)
{
	struct page page = PAGE_NULL;
	struct bytes member;

	assert_int_equal(page_open(&page, BYTES_LITERAL("{\"hosts\":[]}"), "hosts"), 0);
	assert_false(page_next(&page, &member));
	page_finish(&page);
	assert_int_equal(page_open(&page, BYTES_LITERAL("{\"hosts\":[ \n ],\"next\":null}"), "hosts"), 0);
	assert_false(page_next(&page, &member));
	assert_null(object_at(page.rest, "next"));
	page_finish(&page);
}

static void test_refused(void **state)
{
	static const char *const documents[] = {
		"",
		"[]",
		"{}",
		"{\"hosts\":{}}",
		"{\"other\":[]}",
		"{\"hosts\"",
		"{\"hosts\":[1,2",
		"{\"x\":\"hosts\"}",
		"{\"a\":1 \"hosts\":[]}",
		"not json",
		"{\"hosts\":[]",
		"{\"hosts\":[]]}",
		"{\"hosts\":[{},,{}]}",
		"{\"hosts\":[{},]}",
		"{\"hosts\":[{} , ]}",
		"{\"hosts\":[,{}]}",
		"{\"hosts\":[,]}",
		"{\"hosts\":[{}{}]}",
		"{\"hosts\":[{}}}",
		"{\"hosts\":[}}",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		struct page page = PAGE_NULL;

		if (page_open(&page, bytes_from_string(documents[i]), "hosts") != -EBADMSG)
			fail_msg("taken: %s", documents[i]);
	}
}

/* A document cut anywhere is refused or gives members that are not longer than it. */
static void test_cut_anywhere(void **state)
{
	static const char document[] = "{\"hosts\":[{\"a\":\"\\\"\"},{\"b\":[1,2]}],\"next\":\"x\"}";

	for (uint32_t len = 0; len < sizeof(document) - 1; len++) {
		struct page page = PAGE_NULL;

		assert_int_equal(page_open(&page, bytes_make(document, len), "hosts"), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_are_exact),
		cmocka_unit_test(test_empty_list),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
