/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks and not one array: nodes are pointed at while others are added. Chunks and not an allocation a node: no header
 * a node, and neighbours in time are neighbours in memory, which is the order in which they are walked and evicted. */
#include "collector/forest/slab.h"

#include <errno.h>
#include <string.h>

#define CHUNKS_MIN 4u

void slab_finish(struct slab *slab, struct memory *memory)
{
	for (uint32_t i = 0; i < slab->count; i++)
		memory_free(memory, slab->chunks[i], sizeof(struct slab_chunk));
	memory_free(memory, slab->chunks, slab->capacity * sizeof(struct slab_chunk *));
	*slab = (struct slab){0};
}

static void roomy_add(struct slab *slab, struct slab_chunk *chunk)
{
	chunk->roomy_prev = 0;
	chunk->roomy_next = slab->roomy;
	if (slab->roomy)
		slab->chunks[slab->roomy - 1]->roomy_prev = chunk->number + 1;
	slab->roomy = chunk->number + 1;
}

static void roomy_remove(struct slab *slab, struct slab_chunk *chunk)
{
	if (chunk->roomy_prev)
		slab->chunks[chunk->roomy_prev - 1]->roomy_next = chunk->roomy_next;
	else
		slab->roomy = chunk->roomy_next;
	if (chunk->roomy_next)
		slab->chunks[chunk->roomy_next - 1]->roomy_prev = chunk->roomy_prev;
}

/* The lowest number without a chunk, with room for it in the directory. */
static int take_number(struct slab *slab, struct memory *memory, uint32_t *ret)
{
	uint32_t capacity = slab->capacity ? slab->capacity * 2 : CHUNKS_MIN;
	struct slab_chunk **chunks;

	while (slab->hole < slab->count && slab->chunks[slab->hole])
		slab->hole++;
	if (slab->hole == slab->capacity) {
		chunks =
		    memory_resize(memory, slab->chunks, slab->capacity * sizeof(*chunks), capacity * sizeof(*chunks));
		if (!chunks)
			return -ENOMEM;
		slab->chunks = chunks;
		slab->capacity = capacity;
	}
	*ret = slab->hole;
	return 0;
}

static int add_chunk(struct slab *slab, struct memory *memory, struct forest_host *host)
{
	struct slab_chunk *chunk;
	uint32_t number;

	if (take_number(slab, memory, &number) < 0)
		return -ENOMEM;
	chunk = memory_alloc(memory, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	chunk->host = host;
	chunk->number = number;
	chunk->free = UINT32_MAX;
	slab->chunks[number] = chunk;
	if (number == slab->count)
		slab->count++;
	roomy_add(slab, chunk);
	return 0;
}

struct forest_node *slab_alloc(struct slab *slab, struct memory *memory, struct forest_host *host)
{
	struct slab_chunk *chunk;
	struct forest_node *node;
	uint32_t slot;

	if (!slab->roomy && add_chunk(slab, memory, host) < 0)
		return NULL;
	chunk = slab->chunks[slab->roomy - 1];
	slot = (uint32_t)__builtin_ctz(chunk->free);
	chunk->free &= chunk->free - 1;
	if (!chunk->free)
		roomy_remove(slab, chunk);
	slab->used++;
	node = &chunk->nodes[slot];
	memset(node, 0, sizeof(*node));
	node->ref = chunk->number * SLAB_CHUNK_NODES + slot + 1;
	return node;
}

void slab_free(struct slab *slab, struct memory *memory, struct forest_node *node)
{
	struct slab_chunk *chunk = slab_chunk_of(node);

	if (!chunk->free)
		roomy_add(slab, chunk);
	chunk->free |= 1u << ((node->ref - 1) % SLAB_CHUNK_NODES);
	slab->used--;
	if (chunk->free != UINT32_MAX)
		return;
	roomy_remove(slab, chunk);
	slab->chunks[chunk->number] = NULL;
	if (chunk->number < slab->hole)
		slab->hole = chunk->number;
	memory_free(memory, chunk, sizeof(*chunk));
}
