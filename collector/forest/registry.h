/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of one host boot by identity: a chained hash table whose links stand in the nodes. */
#ifndef CANOPY_COLLECTOR_FOREST_REGISTRY_H
#define CANOPY_COLLECTOR_FOREST_REGISTRY_H

#include "collector/forest/slab.h"

struct registry {
	uint32_t *buckets;     /* owned; node numbers */
	uint32_t bucket_count; /* a power of two */
	uint32_t count;
	uint64_t seed;
	bool scattered; /* see table.c */
};

/* Errors: -ENOMEM. */
int registry_init(struct registry *registry, struct memory *memory, uint64_t seed);
void registry_finish(struct registry *registry, struct memory *memory);
struct forest_node *registry_find(const struct registry *registry, const struct slab *slab, struct process_key key);
/* Fetches what registry_find will look at first. */
void registry_prefetch(const struct registry *registry, struct process_key key);
/* Never fails: a table that cannot grow has longer chains. */
void registry_add(struct registry *registry, const struct slab *slab, struct memory *memory, struct forest_node *node);
void registry_remove(struct registry *registry, const struct slab *slab, struct forest_node *node);

#endif
