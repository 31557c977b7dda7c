/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of one host boot in the order (start, tgid): a sorted directory of sorted blocks of node numbers. Facts
 * arrive nearly in that order, so adding is mostly appending to the last block, and the blocks are full: some five
 * bytes a process. */
#ifndef CANOPY_COLLECTOR_FOREST_TIMELINE_H
#define CANOPY_COLLECTOR_FOREST_TIMELINE_H

#include "collector/forest/slab.h"

#define TIMELINE_BLOCK_NODES 64u /* moving half a block costs less than a cache miss */

struct timeline_block {
	uint64_t start_ns; /* key of the first node */
	uint32_t tgid;
	uint32_t count; /* never 0 */
	uint32_t *refs; /* owned; TIMELINE_BLOCK_NODES */
};

struct timeline {
	struct timeline_block *blocks; /* owned */
	uint32_t count, capacity;      /* of blocks */
	uint32_t hint;                 /* the block that was last walked: the next step is nearly always there */
};

void timeline_finish(struct timeline *timeline, struct memory *memory);
/* Makes room, so that one timeline_add cannot fail. Errors: -ENOMEM. */
int timeline_reserve(struct timeline *timeline, struct memory *memory, const struct slab *slab, struct process_key key);
void timeline_add(struct timeline *timeline, const struct slab *slab, struct forest_node *node);
void timeline_remove(struct timeline *timeline, struct memory *memory, const struct slab *slab,
		     const struct forest_node *node);
/* The first node at or behind key, or strictly behind it; NULL = none. */
struct forest_node *timeline_at(const struct timeline *timeline, const struct slab *slab, struct process_key key);
struct forest_node *timeline_after(struct timeline *timeline, const struct slab *slab, struct process_key key);
/* The last node with this tgid that started at or after since_ns; NULL = none. Looks at every node that started since
 * then. */
struct forest_node *timeline_newest(const struct timeline *timeline, const struct slab *slab, uint32_t tgid,
				    uint64_t since_ns);

#endif
