/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collector/forest/memory.h"

#define BLOCKS 4000u
#define STEPS 200000u
#define SIZE_MAX_TRIED 10000u /* also such that come from the heap */

struct block {
	unsigned char *p;
	size_t size;
	unsigned char filling;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Mostly small, as in a forest. */
static size_t some_size(uint32_t *state)
{
	uint32_t r = next_random(state);

	return r % 16 ? next_random(state) % 300 : next_random(state) % SIZE_MAX_TRIED;
}

static void check_filling(const struct block *block)
{
	for (size_t i = 0; i < block->size; i++)
		assert_int_equal(block->p[i], block->filling);
}

static void fill(struct block *block, void *p, size_t size, uint32_t filling)
{
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 8, 0);
	*block = (struct block){p, size, (unsigned char)filling};
	memset(p, block->filling, size);
}

static void blocks_keep_what_is_theirs(void **state)
{
	struct block *blocks = calloc(BLOCKS, sizeof(*blocks));
	struct memory memory = {0};
	uint64_t bytes = 0;
	uint32_t seed = 7;

	(void)state;
	assert_non_null(blocks);
	for (uint32_t step = 0; step < STEPS; step++) {
		struct block *block = &blocks[next_random(&seed) % BLOCKS];
		size_t size = some_size(&seed);

		check_filling(block);
		if (block->p && step % 3 == 0) {
			void *moved = memory_resize(&memory, block->p, block->size, size);

			bytes += memory_cost(size) - memory_cost(block->size);
			for (size_t i = 0; i < size && i < block->size; i++)
				assert_int_equal(((unsigned char *)moved)[i], block->filling);
			fill(block, moved, size, step);
		} else if (block->p) {
			memory_free(&memory, block->p, block->size);
			bytes -= memory_cost(block->size);
			*block = (struct block){0};
		} else {
			fill(block, memory_alloc(&memory, size), size, step);
			bytes += memory_cost(size);
		}
		assert_int_equal(memory.bytes, bytes);
	}
	for (uint32_t i = 0; i < BLOCKS; i++) {
		check_filling(&blocks[i]);
		memory_free(&memory, blocks[i].p, blocks[i].size);
	}
	assert_int_equal(memory.bytes, 0);
	memory_finish(&memory);
	free(blocks);
}

static void zeroed_blocks_are_zero_again(void **state)
{
	struct memory memory = {0};

	(void)state;
	for (size_t size = 1; size < SIZE_MAX_TRIED; size += 37) {
		unsigned char *p = memory_alloc(&memory, size);

		assert_non_null(p);
		memset(p, 0xff, size);
		memory_free(&memory, p, size);
		p = memory_zalloc(&memory, size);
		assert_non_null(p);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memory_free(&memory, p, size);
	}
	memory_finish(&memory);
}

static unsigned regions(const struct memory *memory)
{
	unsigned count = 0;

	for (struct memory_page *region = memory->regions; region; region = memory_region_next(region))
		count++;
	return count;
}

/* 8 MiB of one size after the other: pages go from size to size, and what is not needed goes back. */
static void pages_serve_any_size_again(void **state)
{
	static void *blocks[1u << 20];
	struct memory memory = {0};
	unsigned most = 0;

	(void)state;
	for (size_t size = 8; size <= MEMORY_BLOCK_MAX; size *= 2) {
		size_t count = ((size_t)8 << 20) / size;

		for (size_t i = 0; i < count; i++)
			assert_non_null(blocks[i] = memory_alloc(&memory, size));
		if (regions(&memory) > most)
			most = regions(&memory);
		for (size_t i = 0; i < count; i++)
			memory_free(&memory, blocks[i * 7919 % count], size);
	}
	assert_in_range(most, 0, 6); /* with what headers and the ends of pages take */
	assert_in_range(regions(&memory), 0, 1);
	memory_finish(&memory);
}

/* Whoever only begins wants none, and one at a time is kept; the block that needs a region next lies in it. */
static void a_region_is_ready_before_it_is_needed(void **state)
{
	static void *blocks[((size_t)2 << 20) / MEMORY_BLOCK_MAX];
	struct memory memory = {0};
	size_t count = 0, needed = 0;
	void *region;

	(void)state;
	assert_false(memory_wants_region(&memory));
	assert_non_null(blocks[count++] = memory_alloc(&memory, MEMORY_BLOCK_MAX));
	if (!memory.regions) { /* every block is the heap's */
		assert_false(memory_wants_region(&memory));
		memory_free(&memory, blocks[0], MEMORY_BLOCK_MAX);
		memory_finish(&memory);
		return;
	}
	assert_false(memory_wants_region(&memory));
	for (; !memory_wants_region(&memory); count++)
		assert_non_null(blocks[count] = memory_alloc(&memory, MEMORY_BLOCK_MAX));
	assert_in_range(count, sizeof(blocks) / sizeof(*blocks) / 3, sizeof(blocks) / sizeof(*blocks) * 2 / 3);
	region = memory_prefault();
	assert_non_null(region);
	memory_keep_region(&memory, region);
	memory_keep_region(&memory, memory_prefault());
	memory_keep_region(&memory, NULL);
	assert_false(memory_wants_region(&memory));
	for (needed = count; regions(&memory) == 1; count++)
		assert_non_null(blocks[count] = memory_alloc(&memory, MEMORY_BLOCK_MAX));
	assert_true(count > needed);
	assert_ptr_equal(memory.regions, region);
	assert_false(memory_wants_region(&memory));
	while (count > 0)
		memory_free(&memory, blocks[--count], MEMORY_BLOCK_MAX);
	assert_false(memory_wants_region(&memory));
	memory_finish(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_what_is_theirs),
		cmocka_unit_test(zeroed_blocks_are_zero_again),
		cmocka_unit_test(pages_serve_any_size_again),
		cmocka_unit_test(a_region_is_ready_before_it_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
