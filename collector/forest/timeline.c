/* SPDX-License-Identifier: Apache-2.0 */
/* Two levels are enough: at eight million processes the directory is 125,000 rows, and moving them is paid once a
 * block. */
#include "collector/forest/timeline.h"

#include <errno.h>
#include <string.h>

#define BLOCKS_MIN 4u
#define BLOCK_BYTES (TIMELINE_BLOCK_NODES * sizeof(uint32_t))

void timeline_finish(struct timeline *timeline, struct memory *memory)
{
	for (uint32_t i = 0; i < timeline->count; i++)
		memory_free(memory, timeline->blocks[i].refs, BLOCK_BYTES);
	memory_free(memory, timeline->blocks, timeline->capacity * sizeof(*timeline->blocks));
	*timeline = (struct timeline){0};
}

static struct process_key first_key(const struct timeline_block *block)
{
	return (struct process_key){.start_ns = block->start_ns, .tgid = block->tgid};
}

static struct process_key key_at(const struct slab *slab, uint32_t ref)
{
	return node_key(slab_at(slab, ref));
}

/* The last block that begins at or before key; 0 when all begin behind it. */
static uint32_t block_of(const struct timeline *timeline, struct process_key key)
{
	uint32_t low = 0, high = timeline->count;

	if (high && key_compare(first_key(&timeline->blocks[high - 1]), key) <= 0)
		return high - 1;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (key_compare(first_key(&timeline->blocks[middle]), key) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The number of nodes of the block that stand before key. */
static uint32_t rank_in(const struct timeline_block *block, const struct slab *slab, struct process_key key)
{
	uint32_t low = 0, high = block->count;

	if (key_compare(key_at(slab, block->refs[high - 1]), key) < 0)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (key_compare(key_at(slab, block->refs[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void set_first(struct timeline_block *block, const struct slab *slab)
{
	const struct forest_node *node = slab_at(slab, block->refs[0]);

	block->start_ns = node->start_ns;
	block->tgid = node->tgid;
}

static int grow_directory(struct timeline *timeline, struct memory *memory)
{
	uint32_t capacity = timeline->capacity ? timeline->capacity * 2 : BLOCKS_MIN;
	struct timeline_block *blocks;

	if (timeline->count < timeline->capacity)
		return 0;
	blocks =
	    memory_resize(memory, timeline->blocks, timeline->capacity * sizeof(*blocks), capacity * sizeof(*blocks));
	if (!blocks)
		return -ENOMEM;
	timeline->blocks = blocks;
	timeline->capacity = capacity;
	return 0;
}

/* Puts a block without nodes at this place of the directory; its caller fills it. */
static int insert_block(struct timeline *timeline, struct memory *memory, uint32_t at)
{
	uint32_t *refs;

	if (grow_directory(timeline, memory) < 0)
		return -ENOMEM;
	refs = memory_alloc(memory, BLOCK_BYTES);
	if (!refs)
		return -ENOMEM;
	memmove(&timeline->blocks[at + 1], &timeline->blocks[at], (timeline->count - at) * sizeof(*timeline->blocks));
	timeline->blocks[at] = (struct timeline_block){.refs = refs};
	timeline->count++;
	return 0;
}

static int split(struct timeline *timeline, struct memory *memory, const struct slab *slab, uint32_t at)
{
	struct timeline_block *full, *fresh;
	uint32_t half = TIMELINE_BLOCK_NODES / 2;

	if (insert_block(timeline, memory, at + 1) < 0)
		return -ENOMEM;
	full = &timeline->blocks[at];
	fresh = &timeline->blocks[at + 1];
	memcpy(fresh->refs, full->refs + half, half * sizeof(uint32_t));
	fresh->count = full->count = half;
	set_first(fresh, slab);
	return 0;
}

int timeline_reserve(struct timeline *timeline, struct memory *memory, const struct slab *slab, struct process_key key)
{
	if (timeline->count) {
		uint32_t at = block_of(timeline, key);
		const struct timeline_block *block = &timeline->blocks[at];

		if (block->count < TIMELINE_BLOCK_NODES)
			return 0;
		if (at < timeline->count - 1 || key_compare(key_at(slab, block->refs[block->count - 1]), key) > 0)
			return split(timeline, memory, slab, at);
	}
	/* behind everything: the last block stays full and a new one begins, which timeline_add finds by its key */
	if (insert_block(timeline, memory, timeline->count) < 0)
		return -ENOMEM;
	timeline->blocks[timeline->count - 1].start_ns = key.start_ns;
	timeline->blocks[timeline->count - 1].tgid = key.tgid;
	return 0;
}

void timeline_add(struct timeline *timeline, const struct slab *slab, struct forest_node *node)
{
	struct process_key key = node_key(node);
	struct timeline_block *block = &timeline->blocks[block_of(timeline, key)];
	uint32_t at = block->count ? rank_in(block, slab, key) : 0;

	memmove(&block->refs[at + 1], &block->refs[at], (block->count - at) * sizeof(uint32_t));
	block->refs[at] = node->ref;
	block->count++;
	if (at == 0)
		set_first(block, slab);
}

static void remove_block(struct timeline *timeline, struct memory *memory, uint32_t at)
{
	memory_free(memory, timeline->blocks[at].refs, BLOCK_BYTES);
	timeline->count--;
	memmove(&timeline->blocks[at], &timeline->blocks[at + 1], (timeline->count - at) * sizeof(*timeline->blocks));
}

/* After evictions a few survivors in each block would waste the rest of it: neighbours that fit into half a block
 * become one. */
static void merge_next(struct timeline *timeline, struct memory *memory, uint32_t at)
{
	struct timeline_block *block, *next;

	if (at + 1 >= timeline->count)
		return;
	block = &timeline->blocks[at];
	next = block + 1;
	if (block->count + next->count > TIMELINE_BLOCK_NODES / 2)
		return;
	memcpy(block->refs + block->count, next->refs, next->count * sizeof(uint32_t));
	block->count += next->count;
	remove_block(timeline, memory, at + 1);
}

void timeline_remove(struct timeline *timeline, struct memory *memory, const struct slab *slab,
		     const struct forest_node *node)
{
	struct process_key key = node_key(node);
	uint32_t number = block_of(timeline, key);
	struct timeline_block *block = &timeline->blocks[number];
	uint32_t at = rank_in(block, slab, key);

	block->count--;
	memmove(&block->refs[at], &block->refs[at + 1], (block->count - at) * sizeof(uint32_t));
	if (block->count == 0) {
		remove_block(timeline, memory, number);
		return;
	}
	if (at == 0)
		set_first(block, slab);
	merge_next(timeline, memory, number);
	if (number)
		merge_next(timeline, memory, number - 1);
}

struct forest_node *timeline_at(const struct timeline *timeline, const struct slab *slab, struct process_key key)
{
	uint32_t number = block_of(timeline, key), at;

	if (!timeline->count)
		return NULL;
	at = rank_in(&timeline->blocks[number], slab, key);
	if (at == timeline->blocks[number].count) {
		number++;
		at = 0;
	}
	return number < timeline->count ? slab_at(slab, timeline->blocks[number].refs[at]) : NULL;
}

static struct process_key successor(struct process_key key)
{
	if (key.tgid != UINT32_MAX)
		return (struct process_key){.start_ns = key.start_ns, .tgid = key.tgid + 1};
	return (struct process_key){.start_ns = key.start_ns + 1, .tgid = 0};
}

/* The next step from a node whose place is still the one that was walked last. */
static struct forest_node *step(struct timeline *timeline, const struct slab *slab, struct process_key key)
{
	const struct timeline_block *block = &timeline->blocks[timeline->hint];
	uint32_t at;

	if (timeline->hint >= timeline->count || key_compare(first_key(block), key) > 0)
		return NULL;
	at = rank_in(block, slab, successor(key));
	return at < block->count ? slab_at(slab, block->refs[at]) : NULL;
}

struct forest_node *timeline_after(struct timeline *timeline, const struct slab *slab, struct process_key key)
{
	struct forest_node *node;

	if (key.tgid == UINT32_MAX && key.start_ns == UINT64_MAX)
		return NULL;
	node = step(timeline, slab, key);
	if (node)
		return node;
	node = timeline_at(timeline, slab, successor(key));
	if (node)
		timeline->hint = block_of(timeline, node_key(node));
	return node;
}

struct forest_node *timeline_newest(const struct timeline *timeline, const struct slab *slab, uint32_t tgid,
				    uint64_t since_ns)
{
	for (uint32_t number = timeline->count; number-- > 0;) {
		const struct timeline_block *block = &timeline->blocks[number];

		for (uint32_t at = block->count; at-- > 0;) {
			struct forest_node *node = slab_at(slab, block->refs[at]);

			if (node->start_ns < since_ns)
				return NULL;
			if (node->tgid == tgid)
				return node;
		}
	}
	return NULL;
}
