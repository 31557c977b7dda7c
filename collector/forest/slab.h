/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of one host boot in chunks, addressed by number (1, 2, …). A node never moves; a chunk without nodes is
 * given back. */
#ifndef CANOPY_COLLECTOR_FOREST_SLAB_H
#define CANOPY_COLLECTOR_FOREST_SLAB_H

#include <stddef.h>

#include "collector/forest/node.h"

#define SLAB_CHUNK_NODES 32u /* one word of free bits; a host with few processes wastes half a chunk, some 3 KiB */

struct slab_chunk {
	struct forest_host *host;
	uint32_t number;
	uint32_t free;                   /* a set bit is a free node */
	uint32_t roomy_prev, roomy_next; /* chunk numbers + 1: those with a free node */
	struct forest_node nodes[SLAB_CHUNK_NODES];
};

struct slab {
	struct slab_chunk **chunks; /* owned; NULL where a chunk was given back */
	uint32_t count, capacity;   /* of chunks */
	uint32_t hole;              /* no number below is without its chunk */
	uint32_t roomy;             /* number + 1 of the first chunk with a free node; 0 = none */
	uint32_t used;              /* nodes */
};

void slab_finish(struct slab *slab, struct memory *memory);
/* A zeroed node that knows its number and host. NULL = out of memory. */
struct forest_node *slab_alloc(struct slab *slab, struct memory *memory, struct forest_host *host);
void slab_free(struct slab *slab, struct memory *memory, struct forest_node *node);

/* ref is not 0 and is in use */
static inline struct forest_node *slab_at(const struct slab *slab, uint32_t ref)
{
	return &slab->chunks[(ref - 1) / SLAB_CHUNK_NODES]->nodes[(ref - 1) % SLAB_CHUNK_NODES];
}

/* As slab_at; NULL for 0. */
static inline struct forest_node *slab_find(const struct slab *slab, uint32_t ref)
{
	return ref ? slab_at(slab, ref) : NULL;
}

static inline struct slab_chunk *slab_chunk_of(const struct forest_node *node)
{
	const struct forest_node *first = node - (node->ref - 1) % SLAB_CHUNK_NODES;

	return (struct slab_chunk *)((char *)first - offsetof(struct slab_chunk, nodes));
}

static inline struct forest_host *slab_host_of(const struct forest_node *node)
{
	return slab_chunk_of(node)->host;
}

#endif
