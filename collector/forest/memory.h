/* SPDX-License-Identifier: Apache-2.0 */
/* Heap memory that is counted as the allocator hands it out, so that the forest can say what it costs. */
#ifndef CANOPY_COLLECTOR_FOREST_MEMORY_H
#define CANOPY_COLLECTOR_FOREST_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct memory {
	uint64_t bytes;
};

/* glibc: a word of header, rounded up to 16, at least 32. */
static inline size_t memory_cost(size_t size)
{
	size_t cost = (size + 8 + 15) & ~(size_t)15;

	return cost < 32 ? 32 : cost;
}

static inline void *memory_alloc(struct memory *memory, size_t size)
{
	void *p = malloc(size);

	if (p)
		memory->bytes += memory_cost(size);
	return p;
}

static inline void *memory_zalloc(struct memory *memory, size_t size)
{
	void *p = calloc(1, size);

	if (p)
		memory->bytes += memory_cost(size);
	return p;
}

/* As realloc; p stays as it was on failure. */
static inline void *memory_resize(struct memory *memory, void *p, size_t old_size, size_t size)
{
	void *moved = realloc(p, size);

	if (moved)
		memory->bytes += memory_cost(size) - (p ? memory_cost(old_size) : 0);
	return moved;
}

static inline void memory_free(struct memory *memory, void *p, size_t size)
{
	if (!p)
		return;
	memory->bytes -= memory_cost(size);
	free(p);
}

#endif
