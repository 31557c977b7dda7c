/* SPDX-License-Identifier: Apache-2.0 */
/* The property that everything rests on: facts applied in any order, any number of times, give the identical forest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/collector/forest/grow.h"

#define SEEDS 200u
#define ORDERS 5u
#define CHECK_EVERY 500u /* facts between two looks at what must always hold */

static void shuffle(struct history *h, size_t *order, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = history_random(h, i), swap = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swap;
	}
}

/* In place of a full shuffle now and then a mild one: neighbours change places, as two connections would make it. */
static size_t make_order(struct history *h, size_t *order, bool duplicate)
{
	size_t count = h->count;

	for (size_t i = 0; i < h->count; i++)
		order[i] = i;
	if (duplicate) {
		for (size_t i = 0; i < h->count; i++)
			order[count++] = history_random(h, h->count);
	}
	shuffle(h, order, count);
	return count;
}

/* Whose parent ended unseen has one that nobody told; in all other cases the forest knows it, and never says another
 * one. */
static size_t check_parents(const struct forest *forest, const struct history *history)
{
	struct arena arena = ARENA_NULL;
	size_t told = 0;

	for (size_t i = 0; i < history->truth_count; i++) {
		const struct truth *truth = &history->truths[i];
		struct boot_id boot = grow_boot(truth->host);
		struct forest_node *node = forest_find(forest_host_find(forest, &boot), truth->key);
		struct process_view view;

		assert_non_null(node);
		assert_int_equal(forest_view(node, 0, &arena, &view), 0);
		assert_true(view.current_ppid == truth->ppid || view.current_ppid == 0);
		told += view.current_ppid != 0;
	}
	arena_finish(&arena);
	return told;
}

static struct json grow(const struct history *h, const size_t *order, size_t count, size_t *ret_told)
{
	static const struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct forest *forest;
	struct json out;

	assert_int_equal(forest_create(&forest, &options), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(grow_try(forest, &h->items[order ? order[i] : i]), 0);
		if (i % CHECK_EVERY == 0)
			check_forest(forest);
	}
	out = grow_dump(forest);
	check_forest(forest);
	*ret_told = check_parents(forest, h);
	forest_destroy(forest);
	return out;
}

static size_t check_seed(uint64_t seed, size_t *ret_alive)
{
	struct history history;
	struct json expected;
	size_t *order, told;

	history_make(&history, seed);
	order = calloc(history.count * 2, sizeof(*order));
	assert_non_null(order);
	expected = grow(&history, NULL, history.count, &told);
	*ret_alive = history.truth_count;
	for (unsigned round = 0; round < ORDERS; round++) {
		size_t count = make_order(&history, order, round & 1);
		struct json got = grow(&history, order, count, &told);

		grow_expect_same(&expected, &got, seed);
		json_finish(&got);
	}
	json_finish(&expected);
	free(history.items);
	free(order);
	return told;
}

static void any_order_any_number(void **state)
{
	size_t told = 0, alive = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		size_t here;

		told += check_seed(seed, &here);
		alive += here;
	}
	assert_true(told * 100 > alive * 90); /* and is silent about the few alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_order_any_number)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
