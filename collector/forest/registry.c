/* SPDX-License-Identifier: Apache-2.0 */
/* Processes are spoken of soon after they start, and pids are given out in a row. So the usual hash keeps neighbours
 * together: the tgid itself, shifted by a random amount for each quarter of a second in which processes start. What a
 * busy host speaks of then lies in a few cache lines. Keys that were chosen to meet in one bucket show by the length of
 * their chain; the table then scatters all keys, at the price of the neighbourhood. */
#include "collector/forest/registry.h"

#include <errno.h>

#define BUCKETS_MIN 64u
#define WINDOW_SHIFT 28 /* 0.27 s: a pid does not come back many times in it, even where only 300 pids are allowed */
#define CHAIN_MAX 64u   /* longer ones do not come about by chance */

int registry_init(struct registry *registry, struct memory *memory, uint64_t seed)
{
	uint32_t *buckets = memory_zalloc(memory, BUCKETS_MIN * sizeof(*buckets));

	if (!buckets)
		return -ENOMEM;
	*registry = (struct registry){.buckets = buckets, .bucket_count = BUCKETS_MIN, .seed = seed};
	return 0;
}

void registry_finish(struct registry *registry, struct memory *memory)
{
	memory_free(memory, registry->buckets, registry->bucket_count * sizeof(*registry->buckets));
	*registry = (struct registry){0};
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ (h >> 32)) * 0x94d049bb133111ebull;
	return h >> 32;
}

static uint32_t *bucket(const struct registry *registry, struct process_key key)
{
	uint64_t h;

	if (registry->scattered)
		h = mix(mix(key.start_ns ^ registry->seed) ^ ((uint64_t)key.tgid << 32) ^ registry->seed);
	else
		h = mix(key.start_ns >> WINDOW_SHIFT ^ registry->seed) + key.tgid;
	return &registry->buckets[h & (registry->bucket_count - 1)];
}

void registry_prefetch(const struct registry *registry, struct process_key key)
{
	__builtin_prefetch(bucket(registry, key));
}

struct forest_node *registry_find(const struct registry *registry, const struct slab *slab, struct process_key key)
{
	uint32_t ref = *bucket(registry, key);

	while (ref) {
		struct forest_node *node = slab_at(slab, ref);

		if (node->start_ns == key.start_ns && node->tgid == key.tgid)
			return node;
		ref = node->hash_next;
	}
	return NULL;
}

static void push(struct registry *registry, struct forest_node *node)
{
	uint32_t *at = bucket(registry, node_key(node));

	node->hash_next = *at;
	*at = node->ref;
}

/* Without memory everything stays as it is. */
static void rebuild(struct registry *registry, const struct slab *slab, struct memory *memory, uint32_t count,
		    bool scattered)
{
	uint32_t *old = registry->buckets, old_count = registry->bucket_count, *buckets;

	buckets = memory_zalloc(memory, (size_t)count * sizeof(*buckets));
	if (!buckets)
		return;
	registry->buckets = buckets;
	registry->bucket_count = count;
	registry->scattered = scattered;
	for (uint32_t i = 0; i < old_count; i++) {
		while (old[i]) {
			struct forest_node *node = slab_at(slab, old[i]);

			old[i] = node->hash_next;
			push(registry, node);
		}
	}
	memory_free(memory, old, old_count * sizeof(*old));
}

static bool crowded(const struct registry *registry, const struct slab *slab, struct process_key key)
{
	uint32_t length = 0;

	for (uint32_t ref = *bucket(registry, key); ref && length <= CHAIN_MAX; ref = slab_at(slab, ref)->hash_next)
		length++;
	return length > CHAIN_MAX;
}

void registry_add(struct registry *registry, const struct slab *slab, struct memory *memory, struct forest_node *node)
{
	push(registry, node);
	registry->count++;
	if (registry->count > registry->bucket_count && registry->bucket_count <= UINT32_MAX / 4)
		rebuild(registry, slab, memory, 2 * registry->bucket_count, registry->scattered);
	else if (registry->count % CHAIN_MAX == 0 && !registry->scattered && crowded(registry, slab, node_key(node)))
		rebuild(registry, slab, memory, registry->bucket_count, true);
}

void registry_remove(struct registry *registry, const struct slab *slab, struct forest_node *node)
{
	uint32_t *at = bucket(registry, node_key(node));

	while (*at != node->ref)
		at = &slab_at(slab, *at)->hash_next;
	*at = node->hash_next;
	registry->count--;
}
