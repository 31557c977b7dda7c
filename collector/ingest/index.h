/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive hash index: finds a struct by its key in O(1). The index owns only its buckets; nodes lie inside what
 * they index. Peers choose the keys, so the hash is keyed with a secret of the process. */
#ifndef CANOPY_COLLECTOR_INGEST_INDEX_H
#define CANOPY_COLLECTOR_INGEST_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct index_node {
	struct index_node *next;
	uint64_t hash;
};

struct index {
	struct index_node **buckets; /* owned; a power of two of them, or NULL while empty */
	size_t bucket_count, count;
	uint64_t secret;
};

#define index_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void index_init(struct index *index);
/* Frees the buckets, not what the nodes lie in. */
void index_finish(struct index *index);

uint64_t index_hash(const struct index *index, const void *key, size_t len);
/* The first node with this hash, and the next one behind node with the same; the caller compares keys. NULL at the end.
 */
struct index_node *index_first(const struct index *index, uint64_t hash);
struct index_node *index_next(const struct index_node *node);
/* The caller has seen that the key is not there. Errors: -ENOMEM. */
int index_insert(struct index *index, struct index_node *node, uint64_t hash);
void index_remove(struct index *index, struct index_node *node);
/* Takes any node out, NULL when empty: for tearing down. */
struct index_node *index_pop(struct index *index);

#endif
