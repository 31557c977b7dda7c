/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed by XXH3 with a seed of this forest, so that a peer cannot aim its strings at one bucket. */
#include "collector/forest/text.h"

#include <errno.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

void texts_finish(struct texts *texts)
{
	intern_table_finish(&texts->table, texts->memory);
}

static struct text *find(const struct texts *texts, struct bytes content, uint32_t hash)
{
	for (struct intern *entry = intern_first(&texts->table, hash); entry; entry = entry->next) {
		struct text *text = (struct text *)entry;

		if (entry->hash == hash && text->len == content.len &&
		    memcmp(text->data, content.data, content.len) == 0)
			return text;
	}
	return NULL;
}

static uint32_t hash_of(const struct texts *texts, struct bytes content)
{
	return (uint32_t)XXH3_64bits_withSeed(content.data, content.len, texts->seed);
}

void texts_expect(struct texts *texts, struct bytes content)
{
	struct text_ahead *ahead = &texts->ahead[texts->expected % TEXTS_AHEAD];

	if (!content.len || !texts->memo.open)
		return;
	*ahead = (struct text_ahead){content.data, content.len, hash_of(texts, content)};
	texts->expected++;
	intern_prefetch(&texts->table, ahead->hash);
}

void texts_approach(const struct texts *texts)
{
	const struct text_ahead *ahead = &texts->ahead[(texts->expected - 1) % TEXTS_AHEAD];

	if (ahead->at)
		__builtin_prefetch(intern_first(&texts->table, ahead->hash));
}

static uint32_t expected_hash(const struct texts *texts, struct bytes content)
{
	for (uint32_t i = 0; i < TEXTS_AHEAD; i++) {
		const struct text_ahead *ahead = &texts->ahead[i];

		if (ahead->at == content.data && ahead->len == content.len)
			return ahead->hash;
	}
	return hash_of(texts, content);
}

int texts_get(struct texts *texts, struct bytes content, struct text **ret)
{
	struct text *text;
	uint32_t hash;

	if (!content.len) {
		*ret = NULL;
		return 0;
	}
	hash = expected_hash(texts, content);
	text = find(texts, content, hash);
	if (text) {
		*ret = text_ref(text);
		return 0;
	}
	if (intern_reserve(&texts->table, texts->memory) < 0)
		return -ENOMEM;
	text = memory_alloc(texts->memory, sizeof(*text) + content.len);
	if (!text)
		return -ENOMEM;
	text->len = content.len;
	memcpy(text->data, content.data, content.len);
	intern_add(&texts->table, &text->intern, hash);
	*ret = text;
	return 0;
}

int texts_get_listed(struct texts *texts, struct bytes content, struct text **ret)
{
	struct text *text = (struct text *)memo_find(&texts->memo, content.data);
	int r;

	if (content.len && text && text->len == content.len) {
		*ret = text_ref(text);
		return 0;
	}
	r = texts_get(texts, content, ret);
	if (r == 0 && *ret)
		texts_put(texts, (struct text *)memo_keep(&texts->memo, content.data, &(*ret)->intern));
	return r;
}

void texts_forget(struct texts *texts)
{
	struct intern *entry;

	while ((entry = memo_drop(&texts->memo)))
		texts_put(texts, (struct text *)entry);
	memset(texts->ahead, 0, sizeof(texts->ahead));
}

void texts_put(struct texts *texts, struct text *text)
{
	if (!text || --text->intern.refs)
		return;
	intern_remove(&texts->table, &text->intern);
	memory_free(texts->memory, text, sizeof(*text) + text->len);
}
