/* SPDX-License-Identifier: Apache-2.0 */
/* Growing doubles the buckets at half a load: most lookups of new content then touch no entry at all. When that fails
 * the chains get longer, nothing else. */
#include "collector/forest/intern.h"

#include <errno.h>

#define BUCKETS_MIN 256u

void intern_table_finish(struct intern_table *table, struct memory *memory)
{
	memory_free(memory, table->buckets, table->bucket_count * sizeof(*table->buckets));
	*table = (struct intern_table){0};
}

static void rehash(struct intern_table *table, struct intern **buckets, uint32_t count)
{
	for (uint32_t i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i]) {
			struct intern *entry = table->buckets[i];

			table->buckets[i] = entry->next;
			entry->next = buckets[entry->hash & (count - 1)];
			buckets[entry->hash & (count - 1)] = entry;
		}
	}
}

int intern_reserve(struct intern_table *table, struct memory *memory)
{
	uint32_t count = table->bucket_count ? table->bucket_count * 2 : BUCKETS_MIN;
	struct intern **buckets;

	if (table->count < table->bucket_count / 2 || count > UINT32_MAX / 2)
		return 0;
	buckets = memory_zalloc(memory, count * sizeof(*buckets));
	if (!buckets)
		return table->bucket_count ? 0 : -ENOMEM;
	rehash(table, buckets, count);
	memory_free(memory, table->buckets, table->bucket_count * sizeof(*buckets));
	table->buckets = buckets;
	table->bucket_count = count;
	return 0;
}

void intern_add(struct intern_table *table, struct intern *entry, uint32_t hash)
{
	struct intern **at = &table->buckets[hash & (table->bucket_count - 1)];

	entry->next = *at;
	entry->hash = hash;
	entry->refs = 1;
	*at = entry;
	table->count++;
}

void intern_remove(struct intern_table *table, struct intern *entry)
{
	struct intern **at = &table->buckets[entry->hash & (table->bucket_count - 1)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	table->count--;
}
