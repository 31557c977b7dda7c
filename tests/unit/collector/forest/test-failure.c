/* SPDX-License-Identifier: Apache-2.0 */
/* The Nth allocation fails, for every N: whatever was asked for is refused with -ENOMEM and the forest is as it was; asked
 * again, with memory, it does the same as if nothing had happened. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/collector/forest/grow.h"

#define SEEDS 12u
#define FAILURES_MAX 64u /* allocations of one call; more is a call that never succeeds */

/* malloc.h of the C library behind the linker's --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* And those of the forest, which need not reach the C library. */
void *__real_memory_alloc(struct memory *memory, size_t size);
void *__real_memory_zalloc(struct memory *memory, size_t size);
void *__real_memory_resize(struct memory *memory, void *p, size_t old_size, size_t size);
void *__wrap_memory_alloc(struct memory *memory, size_t size);
void *__wrap_memory_zalloc(struct memory *memory, size_t size);
void *__wrap_memory_resize(struct memory *memory, void *p, size_t old_size, size_t size);

static long countdown = -1; /* allocations that succeed until one fails; -1 = all do */
static unsigned failed;

static bool fails(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	failed++;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_memory_alloc(struct memory *memory, size_t size)
{
	return fails() ? NULL : __real_memory_alloc(memory, size);
}

void *__wrap_memory_zalloc(struct memory *memory, size_t size)
{
	return fails() ? NULL : __real_memory_zalloc(memory, size);
}

void *__wrap_memory_resize(struct memory *memory, void *p, size_t old_size, size_t size)
{
	return fails() ? NULL : __real_memory_resize(memory, p, old_size, size);
}

/* The text of a host alone: a whole forest for each failure would take minutes. */
static struct json text_of(const struct forest *forest, unsigned number)
{
	struct boot_id boot = grow_boot(number);
	struct forest_host *host = forest_host_find(forest, &boot);
	struct json out = JSON_NULL;

	if (host)
		grow_dump_host(&out, host);
	assert_false(out.failed);
	return out;
}

static bool same(const struct json *a, const struct json *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* The host alone is a call of its own. */
static unsigned grow_host_failing(struct forest *forest, unsigned number)
{
	struct boot_id boot = grow_boot(number);
	struct forest_host *host;

	for (long n = 0; n < (long)FAILURES_MAX; n++) {
		int r;

		countdown = n;
		r = forest_host_get(forest, &boot, &host);
		countdown = -1;
		if (r == 0)
			return (unsigned)n;
		assert_int_equal(r, -ENOMEM);
		check_forest(forest);
	}
	fail();
	return 0;
}

/* Applies with each allocation failing in turn until none is left to fail. Returns how many times it was refused. */
static unsigned apply_failing(struct forest *forest, const struct item *item, bool look)
{
	unsigned refused = grow_host_failing(forest, item->host);
	struct json before = look ? text_of(forest, item->host) : JSON_NULL, after;
	int r = -ENOMEM;

	for (long n = 0; n < (long)FAILURES_MAX; n++) {
		failed = 0;
		countdown = n;
		r = grow_try(forest, item);
		countdown = -1;
		if (r == 0)
			break; /* what failed, if anything, was not needed */
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(failed, 1);
		refused++;
		if (!look)
			continue;
		after = text_of(forest, item->host);
		assert_true(same(&before, &after));
		json_finish(&after);
		check_forest(forest);
	}
	assert_int_equal(r, 0);
	json_finish(&before);
	return refused;
}

static void nothing_changes_when_memory_fails(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct history history;
		struct forest *calm, *starved;
		struct json a, b;

		history_make(&history, seed);
		assert_int_equal(forest_create(&calm, &FOREST_OPTIONS_DEFAULT), 0);
		assert_int_equal(forest_create(&starved, &FOREST_OPTIONS_DEFAULT), 0);
		for (size_t i = 0; i < history.count; i++) {
			assert_int_equal(grow_try(calm, &history.items[i]), 0);
			refused += apply_failing(starved, &history.items[i], i % 16 == seed % 16);
		}
		a = grow_dump(calm);
		b = grow_dump(starved);
		assert_true(same(&a, &b));
		json_finish(&a);
		json_finish(&b);
		forest_destroy(calm);
		forest_destroy(starved);
		free(history.items);
	}
	assert_true(refused > 1000);
}

static void creating_and_viewing_fail_cleanly(void **state)
{
	struct forest *forest = NULL;
	struct history history;
	struct boot_id boot = grow_boot(0);

	(void)state;
	countdown = 0;
	assert_int_equal(forest_create(&forest, &FOREST_OPTIONS_DEFAULT), -ENOMEM);
	countdown = -1;
	assert_null(forest);
	history_make(&history, 1);
	assert_int_equal(forest_create(&forest, &FOREST_OPTIONS_DEFAULT), 0);
	for (size_t i = 0; i < history.count; i++)
		assert_int_equal(grow_try(forest, &history.items[i]), 0);
	for (struct forest_node *node = forest_node_next(forest_host_find(forest, &boot), NULL); node;
	     node = forest_node_next(forest_host_find(forest, &boot), node)) {
		struct arena arena = ARENA_NULL;
		struct process_view view;
		int r;

		countdown = 0;
		r = forest_view(node, 0, &arena, &view);
		countdown = -1;
		assert_true(r == 0 || r == -ENOMEM);
		arena_finish(&arena);
	}
	check_forest(forest);
	forest_destroy(forest);
	free(history.items);
}

/* Evicting needs memory to hand images down; without it the dead stay, and go the next time. */
static void eviction_waits_for_memory(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct history history;
	struct forest *forest;
	size_t evicted;

	(void)state;
	options.exited_bytes_max = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		history_make(&history, seed);
		assert_int_equal(forest_create(&forest, &options), 0);
		for (size_t i = 0; i < history.count; i++)
			assert_int_equal(grow_try(forest, &history.items[i]), 0);
		for (long n = 0; n < 32; n++) {
			countdown = n;
			(void)forest_evict(forest);
			countdown = -1;
			check_forest(forest);
		}
		for (unsigned host = 0; host < HISTORY_HOSTS; host++) {
			struct boot_id boot = grow_boot(host);

			grow_touch(forest, forest_host_find(forest, &boot));
		}
		evicted = forest_evict(forest);
		check_forest(forest);
		assert_true(evicted > 0 || forest->evicted > 0);
		assert_int_equal(forest->spent_bytes, 0);
		forest_destroy(forest);
		free(history.items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_changes_when_memory_fails),
	    cmocka_unit_test(creating_and_viewing_fail_cleanly),
	    cmocka_unit_test(eviction_waits_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
