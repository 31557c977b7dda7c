/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/api/rank.h"
#include "collector/console/api/rankings.h"

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

		rank_init(&rank, max, false);
		for (size_t i = 0; i < COUNT; i++)
			assert_int_equal(rank_add(&rank, &all[i]), 0);
		while (!rank_order(&rank, 7))
			;
		memcpy(sorted, all, sizeof(all));
		qsort(sorted, COUNT, sizeof(*sorted), by_rank);
		assert_int_equal(rank.count, max < COUNT ? max : COUNT);
		assert_int_equal(rank.left_out, max < COUNT);
		for (size_t i = 0; i < (max < COUNT ? max : COUNT); i++) {
			struct rank_entry next;

			assert_true(rank_next(&rank, &next));
			assert_int_equal(rank_compare(&next, &sorted[i], false), 0);
		}
		assert_false(rank_next(&rank, &(struct rank_entry){0}));
		rank_finish(&rank);
	}
}

/* Of 3 entries, in order, to be kept for the page behind the entry 7. */
static void keep(struct rankings *rankings, const char *question, uint64_t now)
{
	struct rank_entry last = number(7, true, 7);
	struct rank rank;

	rank_init(&rank, 10, false);
	for (uint32_t i = 0; i < 3; i++) {
		struct rank_entry entry = number(10 + i, true, 10 + i);

		assert_int_equal(rank_add(&rank, &entry), 0);
	}
	assert_true(rank_order(&rank, 100));
	rankings_keep(rankings, bytes_from_string(question), &last, now, &rank);
	assert_null(rank.entries);
}

static bool take(struct rankings *rankings, const char *question, int64_t after, uint64_t now)
{
	struct rank_entry entry = number(after, true, (uint32_t)after);
	struct rank rank = RANK_NULL;
	bool found = rankings_take(rankings, bytes_from_string(question), &entry, now, &rank);

	if (found)
		assert_int_equal(rank.count, 3);
	rank_finish(&rank);
	return found;
}

static void test_kept_between_pages(void **state)
{
	struct rankings rankings = {0};

	keep(&rankings, "a", 1);
	assert_false(take(&rankings, "b", 7, 2)); /* another question */
	assert_false(take(&rankings, "a", 8, 2)); /* another place in it */
	assert_true(take(&rankings, "a", 7, 2));
	assert_false(take(&rankings, "a", 7, 3)); /* whoever took it has it */
	keep(&rankings, "a", 4);
	assert_false(take(&rankings, "a", 7, 5 + RANKINGS_KEEP_NS)); /* too long ago */
	for (uint64_t i = 0; i < RANKINGS_KEPT + 1; i++)
		keep(&rankings, (const char *[]){"a", "b", "c", "d", "e"}[i], 10 + i);
	assert_false(take(&rankings, "a", 7, 20)); /* the oldest gave way */
	assert_true(take(&rankings, "b", 7, 20));
	assert_true(take(&rankings, "e", 7, 20));
	rankings_finish(&rankings);
	assert_false(take(&rankings, "c", 7, 20));
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
		cmocka_unit_test(test_kept_between_pages),
		cmocka_unit_test(test_text_and_back),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
