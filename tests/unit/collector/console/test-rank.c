/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/api/rank.h"

#define LONG_KEY "0000000000000000000000000000000000000000000000000000000000000000ff" /* a byte too many */

static const struct field number_field = {.name = "n", .type = FIELD_NUMBER};
static const struct field text_field = {.name = "t", .type = FIELD_STRING};

static struct rank_entry number(int64_t value, bool known, uint32_t pid)
{
	struct boot_id boot = {{1}};
	struct rank_entry entry;

	rank_entry_fill(&entry, &number_field, (struct field_value){.known = known, .number = value}, &boot,
			(struct process_key){.tgid = pid, .start_ns = pid});
	return entry;
}

static struct rank_entry text(const char *value)
{
	struct boot_id boot = {{1}};
	struct rank_entry entry;

	rank_entry_fill(&entry, &text_field, (struct field_value){.known = true, .string = bytes_from_string(value)}, &boot,
			(struct process_key){.tgid = 1, .start_ns = 1});
	return entry;
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void test_keys_order_like_values(void **state)
{
	static const int64_t values[] = {INT64_MIN, -1000, -1, 0, 1, 255, 256, 1000000, INT64_MAX};
	static const char *const texts[] = {"", "a", "aa", "ab", "b", "\xff"};
	size_t count = sizeof(values) / sizeof(values[0]);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			struct rank_entry a = number(values[i], true, 1), b = number(values[k], true, 1);

			assert_int_equal(sign(rank_compare(&a, &b, false)), (i > k) - (i < k));
			assert_int_equal(sign(rank_compare(&a, &b, true)), (k > i) - (k < i));
		}
	}
	for (size_t i = 0; i + 1 < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rank_entry a = text(texts[i]), b = text(texts[i + 1]);

		assert_true(rank_compare(&a, &b, false) < 0);
	}
}

/* What is not known comes last either way; equal keys go by identity. */
static void test_unknown_and_ties(void **state)
{
	struct rank_entry known = number(INT64_MAX, true, 9), unknown = number(0, false, 1), tie = number(INT64_MAX, true, 10);

	assert_true(rank_compare(&known, &unknown, false) < 0);
	assert_true(rank_compare(&known, &unknown, true) < 0);
	assert_true(rank_compare(&known, &tie, false) < 0);
	assert_true(rank_compare(&known, &tie, true) < 0);
	assert_int_equal(rank_compare(&known, &known, true), 0);
}

static int by_rank(const void *a, const void *b)
{
	return rank_compare(a, b, false);
}

/* The heap keeps exactly those that a full sort would put first. */
static void test_against_a_full_sort(void **state)
{
	enum { COUNT = 500 };
	struct rank_entry all[COUNT];
	unsigned seed = 5;

	for (size_t i = 0; i < COUNT; i++)
		all[i] = number(rand_r(&seed) % 100, rand_r(&seed) % 10 != 0, (uint32_t)i + 1);
	for (size_t max = 1; max <= COUNT + 1; max += 83) {
		struct rank_entry sorted[COUNT];
		struct rank rank;

		assert_int_equal(rank_init(&rank, max, false), 0);
		for (size_t i = 0; i < COUNT; i++)
			rank_add(&rank, &all[i]);
		rank_sort(&rank);
		memcpy(sorted, all, sizeof(all));
		qsort(sorted, COUNT, sizeof(*sorted), by_rank);
		assert_int_equal(rank.count, max < COUNT ? max : COUNT);
		assert_int_equal(rank.left_out, max < COUNT);
		for (size_t i = 0; i < rank.count; i++)
			assert_int_equal(rank_compare(&rank.entries[i], &sorted[i], false), 0);
		rank_finish(&rank);
	}
}

static void test_text_and_back(void **state)
{
	struct rank_entry entries[] = {number(-7, true, 3), number(0, false, 4), text("a name that is longer than the key may be"),
				       text(""), text("\x01\xff.-")};

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		char out[RANK_TEXT_MAX];
		struct rank_entry back;

		rank_entry_format(&entries[i], out);
		assert_true(strlen(out) < sizeof(out));
		assert_int_equal(rank_entry_parse(bytes_from_string(out), &back), 0);
		assert_int_equal(rank_compare(&entries[i], &back, false), 0);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", ".", "-", "-.", "0.", "xx.00000000000000000000000000000000-1-1",
					  "0.00000000000000000000000000000000-1-1", "00.0000-1-1", "00.web:1", "--.0",
					  LONG_KEY ".00000000000000000000000000000000-1-1"};
	struct rank_entry entry;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rank_entry_parse(bytes_from_string(bad[i]), &entry) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_order_like_values),
		cmocka_unit_test(test_unknown_and_ties),
		cmocka_unit_test(test_against_a_full_sort),
		cmocka_unit_test(test_text_and_back),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
