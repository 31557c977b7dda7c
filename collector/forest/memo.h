/* SPDX-License-Identifier: Apache-2.0 */
/* What was found for the strings and rows of one batch, by their address: a batch has each once and its facts name them
 * again and again, so most look-ups need neither a hash nor the table. Direct-mapped; while it is open it holds a
 * reference to whatever it remembers. */
#ifndef CANOPY_COLLECTOR_FOREST_MEMO_H
#define CANOPY_COLLECTOR_FOREST_MEMO_H

#include <stdbool.h>

#include "collector/forest/intern.h"

#define MEMO_BITS 8 /* a batch of 500 events has some 60 strings that are named more than once, and a few contexts */
#define MEMO_SLOTS (1u << MEMO_BITS)

struct memo_slot {
	const void *at; /* NULL = empty */
	struct intern *entry;
};

struct memo {
	bool open; /* closed, it remembers nothing: addresses mean something only while a batch stays where it is */
	uint32_t used_count;
	uint16_t used[MEMO_SLOTS];
	struct memo_slot slots[MEMO_SLOTS];
};

static inline struct memo_slot *memo_slot(struct memo *memo, const void *at)
{
	return &memo->slots[((uintptr_t)at * 0x9e3779b97f4a7c15ull) >> (64 - MEMO_BITS)];
}

/* What is remembered for this address, without a reference of the caller's; NULL = nothing. */
static inline struct intern *memo_find(struct memo *memo, const void *at)
{
	struct memo_slot *slot = memo_slot(memo, at);

	return memo->open && slot->at == at ? slot->entry : NULL;
}

/* Remembers the entry and takes a reference. Returns the entry that had to make way, whose reference is now the
 * caller's to give back; NULL = none. */
static inline struct intern *memo_keep(struct memo *memo, const void *at, struct intern *entry)
{
	struct memo_slot *slot = memo_slot(memo, at);
	struct intern *former = slot->at ? slot->entry : NULL;

	if (!memo->open)
		return NULL;
	if (!former)
		memo->used[memo->used_count++] = (uint16_t)(slot - memo->slots);
	entry->refs++;
	*slot = (struct memo_slot){at, entry};
	return former;
}

/* One of those that are remembered, which is then forgotten: its reference is the caller's to give back. NULL = no more;
 * the memo is closed. */
static inline struct intern *memo_drop(struct memo *memo)
{
	struct memo_slot *slot;

	memo->open = false;
	if (!memo->used_count)
		return NULL;
	slot = &memo->slots[memo->used[--memo->used_count]];
	slot->at = NULL;
	return slot->entry;
}

#endif
