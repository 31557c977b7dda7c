/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings held once for the whole forest: most hosts run the same programs. Reference counted. */
#ifndef CANOPY_COLLECTOR_FOREST_TEXT_H
#define CANOPY_COLLECTOR_FOREST_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

struct text {
	struct text *next; /* in its bucket */
	uint64_t hash;
	uint32_t refs;
	uint32_t len;
	char data[];
};

struct text_table {
	struct text **buckets; /* owned */
	size_t bucket_count;   /* a power of two, or 0 */
	size_t count;
	size_t bytes;          /* of texts and buckets */
};

void text_table_finish(struct text_table *table);
/* A reference to the text with this content. The empty string is NULL, and is no failure. Errors: -ENOMEM. */
int text_get(struct text_table *table, struct bytes content, struct text **ret);
struct text *text_ref(struct text *text);
void text_unref(struct text_table *table, struct text *text); /* takes NULL */

static inline struct bytes text_bytes(const struct text *text)
{
	return text ? bytes_make(text->data, text->len) : BYTES_NULL;
}

#endif
