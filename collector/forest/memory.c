/* SPDX-License-Identifier: Apache-2.0 */
/* Why not malloc: a forest has millions of blocks of a few sizes, whose sizes are known where they are freed. Without a
 * header each, a process takes a tenth less; and the heap of a thread grows by a system call and a fault for each 4 KiB,
 * which was a tenth of the time of joining. Regions of 2 MiB, for the kernel's huge pages, are cut into pages of 64 KiB,
 * and each page into blocks of one size. A page whose blocks have all been freed serves any size again, so a peer that
 * changes its sizes cannot make memory of one size pile up beside memory of another.
 *
 * Under AddressSanitizer every block is the heap's, so that it sees each one. */
#include "collector/forest/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES ((size_t)64 << 10)
#define REGION_BYTES ((size_t)2 << 20)
#define REGION_PAGES ((uint32_t)(REGION_BYTES / PAGE_BYTES))
#define SMALL_PAGE_BYTES ((size_t)4 << 10) /* the smallest that any kernel gives */
#define FIRST_BLOCK 64u /* behind the header, on a cache line of its own */

#if defined(__SANITIZE_ADDRESS__)
#define FROM_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FROM_HEAP 1
#endif
#endif
#ifndef FROM_HEAP
#define FROM_HEAP 0
#endif

struct memory_page {
	struct memory_page *prev, *next; /* in the list of open or of empty ones */
	void *freed;                     /* blocks that were in use, each points to the next */
	uint32_t fresh;                  /* offset of the first block that was never in use */
	uint16_t used;                   /* blocks */
	uint16_t class;
	/* of the whole region, in its first page */
	uint32_t pages_used;
	struct memory_page *region_prev, *region_next;
};
_Static_assert(sizeof(struct memory_page) <= FIRST_BLOCK, "a page's header ends before its first block");

static unsigned class_of(size_t size)
{
	size_t cost = memory_cost(size);

	return (unsigned)(cost <= 256 ? cost / 8 : 32 + (cost - 256) / 32);
}

static struct memory_page *page_of(void *block)
{
	return (struct memory_page *)((uintptr_t)block & ~(PAGE_BYTES - 1));
}

static struct memory_page *region_of(struct memory_page *page)
{
	return (struct memory_page *)((uintptr_t)page & ~(REGION_BYTES - 1));
}

static void link_page(struct memory_page **list, struct memory_page *page)
{
	page->prev = NULL;
	page->next = *list;
	if (*list)
		(*list)->prev = page;
	*list = page;
}

static void unlink_page(struct memory_page **list, struct memory_page *page)
{
	if (page->prev)
		page->prev->next = page->next;
	else
		*list = page->next;
	if (page->next)
		page->next->prev = page->prev;
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

/* An aligned piece of twice as much; the rest goes back. */
static char *map_region(void)
{
	char *all = mmap(NULL, 2 * REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)all & (REGION_BYTES - 1);
	if (before)
		(void)munmap(all, before);
	(void)munmap(all + before + REGION_BYTES, REGION_BYTES - before);
	(void)madvise(all + before, REGION_BYTES, MADV_HUGEPAGE);
	return all + before;
}

/* The whole of it at one fault, where the kernel has a huge page. */
void *memory_prefault(void)
{
	volatile char *at = map_region();

	for (size_t offset = 0; at && offset < REGION_BYTES; offset += SMALL_PAGE_BYTES)
		at[offset] = 0;
	return (void *)at;
}

bool memory_wants_region(const struct memory *memory)
{
	return memory->regions && !memory->spare && memory->empty_pages < REGION_PAGES / 2;
}

void memory_keep_region(struct memory *memory, void *region)
{
	if (region && memory->spare)
		(void)munmap(region, REGION_BYTES);
	else if (region)
		memory->spare = region;
}

static bool add_region(struct memory *memory)
{
	char *at = memory->spare ? memory->spare : map_region();
	struct memory_page *region = (struct memory_page *)at;

	if (!at)
		return false;
	memory->spare = NULL;
	memory->empty_pages += REGION_PAGES;
	for (size_t offset = REGION_BYTES; offset > 0; offset -= PAGE_BYTES)
		link_page(&memory->empty, (struct memory_page *)(at + offset - PAGE_BYTES));
	region->region_next = memory->regions;
	if (memory->regions)
		memory->regions->region_prev = region;
	memory->regions = region;
	return true;
}

static void drop_region(struct memory *memory, struct memory_page *region)
{
	if (region->region_prev)
		region->region_prev->region_next = region->region_next;
	else
		memory->regions = region->region_next;
	if (region->region_next)
		region->region_next->region_prev = region->region_prev;
	(void)munmap(region, REGION_BYTES);
}

struct memory_page *memory_region_next(const struct memory_page *region)
{
	return region->region_next;
}

void memory_finish(struct memory *memory)
{
	while (memory->regions)
		drop_region(memory, memory->regions);
	if (memory->spare)
		(void)munmap(memory->spare, REGION_BYTES);
	*memory = (struct memory){0};
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static struct memory_page *take_page(struct memory *memory, unsigned class)
{
	struct memory_page *page;

	if (!memory->empty && !add_region(memory))
		return NULL;
	page = memory->empty;
	unlink_page(&memory->empty, page);
	memory->empty_pages--;
	region_of(page)->pages_used++;
	page->freed = NULL;
	page->fresh = FIRST_BLOCK;
	page->used = 0;
	page->class = (uint16_t)class;
	link_page(&memory->open[class], page);
	return page;
}

/* The last region with pages in use is kept: a forest that grows and shrinks by a page would map and unmap all the time. */
static void give_page_back(struct memory *memory, struct memory_page *page)
{
	struct memory_page *region = region_of(page);
	char *at = (char *)region;

	unlink_page(&memory->open[page->class], page);
	link_page(&memory->empty, page);
	memory->empty_pages++;
	if (--region->pages_used > 0 || (!region->region_prev && !region->region_next))
		return;
	for (size_t offset = 0; offset < REGION_BYTES; offset += PAGE_BYTES)
		unlink_page(&memory->empty, (struct memory_page *)(at + offset));
	memory->empty_pages -= REGION_PAGES;
	drop_region(memory, region);
}

static bool is_full(const struct memory_page *page, size_t block)
{
	return !page->freed && page->fresh + block > PAGE_BYTES;
}

static void *take_block(struct memory *memory, size_t size)
{
	unsigned class = class_of(size);
	size_t block = memory_cost(size);
	struct memory_page *page = memory->open[class];
	char *p;

	if (!page)
		page = take_page(memory, class);
	if (!page)
		return NULL;
	p = page->freed;
	if (p) {
		page->freed = *(void **)p;
	} else {
		p = (char *)page + page->fresh;
		page->fresh += (uint32_t)block;
	}
	page->used++;
	if (is_full(page, block))
		unlink_page(&memory->open[class], page);
	return p;
}

static void put_block(struct memory *memory, void *p, size_t size)
{
	struct memory_page *page = page_of(p);

	if (is_full(page, memory_cost(size)))
		link_page(&memory->open[page->class], page);
	*(void **)p = page->freed;
	page->freed = p;
	if (--page->used == 0)
		give_page_back(memory, page);
}

/* What is looked up all over, as a table of buckets is, finds more of its pages known to the CPU where they are large. */
static void make_huge(void *p, size_t size)
{
	uintptr_t begin = ((uintptr_t)p + REGION_BYTES - 1) & ~(REGION_BYTES - 1), end = ((uintptr_t)p + size) & ~(REGION_BYTES - 1);

	if (p && begin < end)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static bool from_heap(size_t size)
{
	return FROM_HEAP || size > MEMORY_BLOCK_MAX;
}

void *memory_alloc(struct memory *memory, size_t size)
{
	void *p = from_heap(size) ? malloc(size ? size : 1) : take_block(memory, size);

	if (p)
		memory->bytes += memory_cost(size);
	return p;
}

void *memory_zalloc(struct memory *memory, size_t size)
{
	void *p;

	if (!from_heap(size)) {
		p = memory_alloc(memory, size);
		return p ? memset(p, 0, size) : NULL;
	}
	p = calloc(1, size ? size : 1);
	make_huge(p, size);
	if (p)
		memory->bytes += memory_cost(size);
	return p;
}

void *memory_resize(struct memory *memory, void *p, size_t old_size, size_t size)
{
	void *moved;

	if (p && !from_heap(old_size) && memory_cost(old_size) == memory_cost(size))
		return p;
	if (from_heap(size) && (!p || from_heap(old_size))) {
		moved = realloc(p, size ? size : 1); /* of nothing it would free */
		if (moved)
			memory->bytes += memory_cost(size) - (p ? memory_cost(old_size) : 0);
		return moved;
	}
	moved = memory_alloc(memory, size);
	if (moved && p)
		memcpy(moved, p, old_size < size ? old_size : size);
	if (moved)
		memory_free(memory, p, old_size);
	return moved;
}

void memory_free(struct memory *memory, void *p, size_t size)
{
	if (!p)
		return;
	memory->bytes -= memory_cost(size);
	if (from_heap(size))
		free(p);
	else
		put_block(memory, p, size);
}
