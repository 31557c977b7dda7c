/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one forest, counted. Blocks up to MEMORY_BLOCK_MAX come from pages of equal blocks, larger ones from the
 * heap. Whoever frees a block says its size, so blocks have no header. Only one thread at a time uses it. */
#ifndef CANOPY_COLLECTOR_FOREST_MEMORY_H
#define CANOPY_COLLECTOR_FOREST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_BLOCK_MAX 8192u
#define MEMORY_CLASSES (32u + (MEMORY_BLOCK_MAX - 256u) / 32u + 1u) /* every 8 bytes up to 256, then every 32 */

struct memory_page;

struct memory {
	uint64_t bytes; /* in blocks, each as large as it takes */
	struct memory_page *open[MEMORY_CLASSES]; /* pages with room, by the size of their blocks */
	struct memory_page *empty;                /* pages without blocks */
	uint32_t empty_pages;
	struct memory_page *regions;              /* all of them, by their first page; owned */
	void *spare;                              /* a region that no block lies in yet; owned; NULL = none */
};

/* Gives the pages back; every block has been freed before. */
void memory_finish(struct memory *memory);

/* The region behind this one in memory->regions; NULL = none. */
struct memory_page *memory_region_next(const struct memory_page *region);

/* A region made ready before it is needed: its first touch takes milliseconds where a virtual machine has to ask its host for
 * the pages. wants: there is no spare one, and half of the last is in use. prefault: on any thread; NULL = out of memory.
 * keep: takes what prefault gave (NULL is taken) as the spare. */
bool memory_wants_region(const struct memory *memory);
void *memory_prefault(void);
void memory_keep_region(struct memory *memory, void *region);

/* What a block of that size takes. */
static inline size_t memory_cost(size_t size)
{
	if (size > MEMORY_BLOCK_MAX)
		return (size + 8 + 15) & ~(size_t)15; /* glibc: a word of header, rounded up to 16 */
	if (size > 256)
		return (size + 31) & ~(size_t)31;
	return size ? (size + 7) & ~(size_t)7 : 8;
}

/* A block, aligned to 8 bytes. NULL = out of memory. */
void *memory_alloc(struct memory *memory, size_t size);
void *memory_zalloc(struct memory *memory, size_t size);
/* As realloc; p (NULL, or of old_size) stays as it was on failure. */
void *memory_resize(struct memory *memory, void *p, size_t old_size, size_t size);
/* size: as it was asked for. Takes NULL. */
void memory_free(struct memory *memory, void *p, size_t size);

#endif
