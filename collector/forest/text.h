/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings held once for the whole forest: most hosts run the same programs. Reference counted. The empty string is
 * NULL. */
#ifndef CANOPY_COLLECTOR_FOREST_TEXT_H
#define CANOPY_COLLECTOR_FOREST_TEXT_H

#include "canopy/bytes.h"
#include "collector/forest/intern.h"
#include "collector/forest/memo.h"

struct text {
	struct intern intern;
	uint32_t len;
	char data[];
};

#define TEXTS_AHEAD 8u /* expected strings that are remembered; a power of two */

/* A string that will be looked up soon, by its address. */
struct text_ahead {
	const char *at; /* NULL = none */
	uint32_t len, hash;
};

struct texts {
	struct intern_table table;
	struct memory *memory; /* borrowed */
	uint64_t seed;         /* of the hash: peers choose the content */
	struct memo memo;      /* of strings that a batch has once */
	struct text_ahead ahead[TEXTS_AHEAD]; /* in a ring */
	uint32_t expected;                    /* so many were written to it */
};

void texts_finish(struct texts *texts);
/* Gives back what the memo held, and closes it. */
void texts_forget(struct texts *texts);
/* A string of the batch will be asked for soon: its bucket is fetched into the cache meanwhile. */
void texts_expect(struct texts *texts, struct bytes content);
/* Some time after that: so is what the bucket of the last one leads to. */
void texts_approach(const struct texts *texts);
/* *ret is a reference of the caller's. Errors: -ENOMEM. */
int texts_get(struct texts *texts, struct bytes content, struct text **ret);
/* The same for a string of a batch's table, which others of its facts may name, too. */
int texts_get_listed(struct texts *texts, struct bytes content, struct text **ret);
void texts_put(struct texts *texts, struct text *text); /* takes NULL */

static inline struct text *text_ref(struct text *text)
{
	if (text)
		text->intern.refs++;
	return text;
}

static inline struct bytes text_bytes(const struct text *text)
{
	return text ? bytes_make(text->data, text->len) : BYTES_NULL;
}

/* By content; the same pointer is the same content. */
static inline int text_compare(const struct text *a, const struct text *b)
{
	return a == b ? 0 : bytes_compare(text_bytes(a), text_bytes(b));
}

/* Bytes that one holder is charged for. */
static inline size_t text_charge(const struct text *text)
{
	return text ? memory_cost(sizeof(*text) + text->len) + sizeof(void *) : 0;
}

#endif
