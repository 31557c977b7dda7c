/* SPDX-License-Identifier: Apache-2.0 */
/* A chained hash table keyed by xxh3. Chains, not open addressing: texts come and go all the time, and each one is an allocation anyway. */
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "collector/forest/text.h"

#define BUCKETS_MIN 1024u

void text_table_finish(struct text_table *table)
{
	for (size_t i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i]) {
			struct text *next = table->buckets[i]->next;

			free(table->buckets[i]);
			table->buckets[i] = next;
		}
	}
	free(table->buckets);
	*table = (struct text_table){0};
}

static int grow(struct text_table *table)
{
	size_t count = table->bucket_count ? table->bucket_count * 2 : BUCKETS_MIN;
	struct text **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i]) {
			struct text *text = table->buckets[i];

			table->buckets[i] = text->next;
			text->next = buckets[text->hash & (count - 1)];
			buckets[text->hash & (count - 1)] = text;
		}
	}
	free(table->buckets);
	table->bytes += (count - table->bucket_count) * sizeof(*buckets);
	table->buckets = buckets;
	table->bucket_count = count;
	return 0;
}

static struct text *find(const struct text_table *table, struct bytes content, uint64_t hash)
{
	struct text *text = table->bucket_count ? table->buckets[hash & (table->bucket_count - 1)] : NULL;

	while (text && (text->hash != hash || !bytes_equal(text_bytes(text), content)))
		text = text->next;
	return text;
}

int text_get(struct text_table *table, struct bytes content, struct text **ret)
{
	uint64_t hash = XXH3_64bits(content.data ? content.data : "", content.len);
	struct text *text;

	if (!content.len) {
		*ret = NULL;
		return 0;
	}
	text = find(table, content, hash);
	if (text) {
		*ret = text_ref(text);
		return 0;
	}
	if (table->count >= table->bucket_count && grow(table) < 0)
		return -ENOMEM;
	text = malloc(sizeof(*text) + content.len);
	if (!text)
		return -ENOMEM;
	*text = (struct text){.next = table->buckets[hash & (table->bucket_count - 1)], .hash = hash, .refs = 1, .len = content.len};
	memcpy(text->data, content.data, content.len);
	table->buckets[hash & (table->bucket_count - 1)] = text;
	table->count++;
	table->bytes += sizeof(*text) + content.len;
	*ret = text;
	return 0;
}

struct text *text_ref(struct text *text)
{
	if (text)
		text->refs++;
	return text;
}

void text_unref(struct text_table *table, struct text *text)
{
	struct text **at;

	if (!text || --text->refs)
		return;
	at = &table->buckets[text->hash & (table->bucket_count - 1)];
	while (*at != text)
		at = &(*at)->next;
	*at = text->next;
	table->count--;
	table->bytes -= sizeof(*text) + text->len;
	free(text);
}
