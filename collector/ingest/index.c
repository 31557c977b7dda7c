/* SPDX-License-Identifier: Apache-2.0 */
/* Chained buckets that double when they hold one node each on average. Every 8 bytes of the key pass a full 64-bit mix
 * that begins with the secret, which is enough against a peer that cannot see the hashes. */
#include "collector/ingest/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS_MIN 64u

void index_init(struct index *index)
{
	memset(index, 0, sizeof(*index));
	if (getrandom(&index->secret, sizeof(index->secret), GRND_NONBLOCK) < 0)
		index->secret = (uint64_t)(uintptr_t)index; /* early boot: address randomisation has to do */
}

void index_finish(struct index *index)
{
	free(index->buckets);
	index->buckets = NULL;
	index->bucket_count = index->count = 0;
}

/* The finaliser of splitmix64. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t index_hash(const struct index *index, const void *key, size_t len)
{
	const uint8_t *at = key;
	uint64_t hash = mix(index->secret + len);

	while (len > 0) {
		size_t part = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, at, part);
		hash = mix(hash + (word ^ index->secret));
		at += part;
		len -= part;
	}
	return hash;
}

static struct index_node *with_hash(struct index_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct index_node *index_first(const struct index *index, uint64_t hash)
{
	if (!index->buckets)
		return NULL;
	return with_hash(index->buckets[hash & (index->bucket_count - 1)], hash);
}

struct index_node *index_next(const struct index_node *node)
{
	return with_hash(node->next, node->hash);
}

static int grow(struct index *index)
{
	size_t bucket_count = index->bucket_count ? index->bucket_count * 2 : BUCKETS_MIN;
	struct index_node **buckets = calloc(bucket_count, sizeof(struct index_node *));

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; i < index->bucket_count; i++) {
		while (index->buckets[i]) {
			struct index_node *node = index->buckets[i],
					  **bucket = &buckets[node->hash & (bucket_count - 1)];

			index->buckets[i] = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(index->buckets);
	index->buckets = buckets;
	index->bucket_count = bucket_count;
	return 0;
}

int index_insert(struct index *index, struct index_node *node, uint64_t hash)
{
	struct index_node **bucket;

	if (index->count >= index->bucket_count && grow(index) < 0 && !index->buckets)
		return -ENOMEM; /* a full table is slow, not wrong */
	bucket = &index->buckets[hash & (index->bucket_count - 1)];
	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
	index->count++;
	return 0;
}

void index_remove(struct index *index, struct index_node *node)
{
	struct index_node **at = &index->buckets[node->hash & (index->bucket_count - 1)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	index->count--;
}

struct index_node *index_pop(struct index *index)
{
	for (size_t i = 0; index->count > 0 && i < index->bucket_count; i++) {
		struct index_node *node = index->buckets[i];

		if (node) {
			index_remove(index, node);
			return node;
		}
	}
	return NULL;
}
