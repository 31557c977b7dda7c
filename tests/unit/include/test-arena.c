/* SPDX-License-Identifier: Apache-2.0 */
/* An arena costs what its rounds need, and what it keeps between them is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "canopy/arena.h"

static size_t count_blocks(const struct arena *arena)
{
	size_t count = 0;

	for (const struct arena_block *block = arena->head; block; block = block->next)
		count++;
	return count;
}

static void fill(struct arena *arena, size_t pieces)
{
	for (size_t i = 0; i < pieces; i++) {
		char *piece = arena_alloc(arena, 1000);

		assert_non_null(piece);
		memset(piece, 'x', 1000);
	}
}

static void a_round_like_the_one_before_takes_no_new_block(void **state)
{
	struct arena arena = ARENA_NULL;
	struct arena_block *block;

	(void)state;
	fill(&arena, 300);
	assert_true(count_blocks(&arena) > 1);
	arena_reset(&arena);
	assert_int_equal(arena.allocated, 0);
	fill(&arena, 300);
	assert_int_equal(count_blocks(&arena), 1);
	block = arena.head;
	arena_reset(&arena);
	fill(&arena, 300);
	assert_ptr_equal(arena.head, block);
	assert_int_equal(count_blocks(&arena), 1);
	arena_finish(&arena);
}

static void what_is_kept_is_bounded(void **state)
{
	struct arena arena = ARENA_NULL;

	(void)state;
	assert_non_null(arena_alloc(&arena, 8 * ARENA_KEEP_MAX));
	arena_reset(&arena);
	assert_int_equal(arena.allocated, 0);
	fill(&arena, 1);
	assert_true(arena.allocated <= ARENA_KEEP_MAX);
	arena_finish(&arena);
}

static void the_limit_holds_whatever_came_before(void **state)
{
	struct arena arena = ARENA_NULL;

	(void)state;
	arena.limit = 100000;
	fill(&arena, 60);
	arena_reset(&arena);
	for (unsigned round = 0; round < 3; round++) {
		size_t pieces = 0;

		while (arena_alloc(&arena, 1000))
			pieces++;
		assert_true(pieces >= 80 && pieces <= 100);
		assert_true(arena.allocated <= arena.limit);
		arena_reset(&arena);
	}
	arena_finish(&arena);
}

static void nothing_at_all_can_be_had(void **state)
{
	struct arena arena = ARENA_NULL;

	(void)state;
	arena_reset(&arena);
	assert_non_null(arena_alloc(&arena, 0));
	assert_null(arena_alloc(&arena, SIZE_MAX / 2));
	assert_null(arena_zalloc(&arena, SIZE_MAX, 2));
	arena_finish(&arena);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_round_like_the_one_before_takes_no_new_block),
	    cmocka_unit_test(what_is_kept_is_bounded),
	    cmocka_unit_test(the_limit_holds_whatever_came_before),
	    cmocka_unit_test(nothing_at_all_can_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
