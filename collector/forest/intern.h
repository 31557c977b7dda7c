/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of reference-counted entries that are held once: strings, programs, contexts embed struct intern as
 * their first member. Chained, so that adding an entry never fails and a table that could not grow is slow, not broken.
 */
#ifndef CANOPY_COLLECTOR_FOREST_INTERN_H
#define CANOPY_COLLECTOR_FOREST_INTERN_H

#include <stdint.h>

#include "collector/forest/memory.h"

struct intern {
	struct intern *next; /* in its bucket */
	uint32_t hash;
	uint32_t refs;
};

struct intern_table {
	struct intern **buckets; /* owned; NULL until the first entry */
	uint32_t bucket_count;   /* a power of two, or 0 */
	uint32_t count;
};

/* The entries stay the caller's: whoever embeds them has released them all before. */
void intern_table_finish(struct intern_table *table, struct memory *memory);
/* The first entry of the bucket; the caller follows ->next and compares. */
static inline struct intern *intern_first(const struct intern_table *table, uint32_t hash)
{
	return table->bucket_count ? table->buckets[hash & (table->bucket_count - 1)] : NULL;
}
static inline void intern_prefetch(const struct intern_table *table, uint32_t hash)
{
	if (table->bucket_count)
		__builtin_prefetch(&table->buckets[hash & (table->bucket_count - 1)]);
}

/* Makes room for one more. Errors: -ENOMEM when there is no table at all. */
int intern_reserve(struct intern_table *table, struct memory *memory);
/* Adds the entry with one reference; intern_reserve has succeeded before. */
void intern_add(struct intern_table *table, struct intern *entry, uint32_t hash);
void intern_remove(struct intern_table *table, struct intern *entry);

#endif
