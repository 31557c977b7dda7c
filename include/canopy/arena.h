/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator: everything in it dies at once. One arena lives exactly as long as one frame, one request
 * or one host boot. Blocks double up to ARENA_BLOCK_MAX, so that a small arena stays small. */
#ifndef CANOPY_ARENA_H
#define CANOPY_ARENA_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/bytes.h"

#define ARENA_BLOCK_MIN ((size_t)4096)
#define ARENA_BLOCK_MAX ((size_t)256 * 1024)
#define ARENA_KEEP_MAX ((size_t)1024 * 1024) /* what an arena that is reset holds on to, however large a round was */

struct arena_block {
	struct arena_block *next;
	size_t size, used; /* payload bytes */
	alignas(max_align_t) char payload[];
};

struct arena {
	struct arena_block *head; /* the block that allocations come from */
	size_t allocated;         /* bytes of all blocks: what this arena costs its owner */
	size_t limit;             /* allocated never exceeds it; 0 = no limit */
	size_t first;             /* the next first block has at least these bytes: what a round before it took */
};

#define ARENA_NULL ((struct arena){NULL, 0, 0, 0})

/* Frees every block. Takes zeroed arenas; the arena can be used again. */
static inline void arena_finish(struct arena *arena)
{
	while (arena->head) {
		struct arena_block *next = arena->head->next;

		free(arena->head);
		arena->head = next;
	}
	arena->allocated = 0;
}

/* Forgets what was allocated. A block that held the whole round is kept for the next one; of several, the next round gets one as
 * large as all of them: memory that comes from the kernel anew each round costs more than what is done in it. */
static inline void arena_reset(struct arena *arena)
{
	struct arena_block *head = arena->head;

	if (head && !head->next && head->size <= ARENA_KEEP_MAX) {
		head->used = 0;
		return;
	}
	if (head)
		arena->first = arena->allocated < ARENA_KEEP_MAX ? arena->allocated : ARENA_KEEP_MAX;
	arena_finish(arena);
}

static inline int arena_grow_(struct arena *arena, size_t need)
{
	size_t size = arena->head ? arena->head->size * 2 : ARENA_BLOCK_MIN;
	struct arena_block *block;

	if (size > ARENA_BLOCK_MAX)
		size = ARENA_BLOCK_MAX;
	if (!arena->head && size < arena->first)
		size = arena->first;
	if (arena->limit && size > arena->limit - arena->allocated)
		size = arena->limit - arena->allocated;
	if (size < need)
		size = need;
	if (arena->limit && size > arena->limit - arena->allocated)
		return -1;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return -1;
	block->next = arena->head;
	block->size = size;
	block->used = 0;
	arena->head = block;
	arena->allocated += size;
	return 0;
}

/* Returns size bytes aligned to align (a power of two), not zeroed; NULL when memory or the limit is used up. */
static inline void *arena_alloc_aligned(struct arena *arena, size_t size, size_t align)
{
	struct arena_block *block = arena->head;
	size_t at = block ? (block->used + align - 1) & ~(align - 1) : 0;

	if (size > SIZE_MAX / 4)
		return NULL;
	if (!block || at > block->size || size > block->size - at) {
		if (arena_grow_(arena, size) < 0)
			return NULL;
		block = arena->head;
		at = 0;
	}
	block->used = at + size;
	return block->payload + at;
}

static inline void *arena_alloc(struct arena *arena, size_t size)
{
	return arena_alloc_aligned(arena, size, alignof(max_align_t));
}

/* count * size zeroed bytes; NULL also when the product overflows. */
static inline void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
	void *p;

	if (size && count > SIZE_MAX / size)
		return NULL;
	p = arena_alloc(arena, count * size);
	if (p)
		memset(p, 0, count * size);
	return p;
}

/* Copies b and appends a NUL that is not counted. data is NULL on failure. */
static inline struct bytes arena_copy(struct arena *arena, struct bytes b)
{
	char *copy = arena_alloc_aligned(arena, (size_t)b.len + 1, 1);

	if (!copy)
		return BYTES_NULL;
	if (b.len)
		memcpy(copy, b.data, b.len);
	copy[b.len] = '\0';
	return bytes_make(copy, b.len);
}

#endif
