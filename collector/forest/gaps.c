/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array: gaps are rare, come nearly in order, and are read far more often than written. */
#include "collector/forest/gaps.h"

#include <errno.h>
#include <string.h>

#define CAPACITY_MIN 4u

void gaps_finish(struct gaps *gaps, struct memory *memory)
{
	memory_free(memory, gaps->items, gaps->capacity * sizeof(*gaps->items));
	memory_free(memory, gaps->losses, gaps->losses ? sizeof(*gaps->losses) : 0);
	*gaps = (struct gaps){0};
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare(const struct gap *a, const struct gap *b)
{
	int order;

	if ((order = compare_numbers(a->to_ns, b->to_ns)) || (order = compare_numbers(a->from_ns, b->from_ns)) ||
	    (order = compare_numbers(a->type, b->type)) || (order = compare_numbers(a->reason, b->reason)))
		return order;
	return compare_numbers(a->count, b->count);
}

static int reserve(struct gaps *gaps, struct memory *memory)
{
	uint32_t capacity = gaps->capacity ? gaps->capacity * 2 : CAPACITY_MIN;
	struct forest_gap *items;

	if (!gaps->losses && !(gaps->losses = memory_zalloc(memory, sizeof(*gaps->losses))))
		return -ENOMEM;
	if (gaps->count < gaps->capacity)
		return 0;
	items = memory_resize(memory, gaps->items, gaps->capacity * sizeof(*items), capacity * sizeof(*items));
	if (!items)
		return -ENOMEM;
	gaps->items = items;
	gaps->capacity = capacity;
	return 0;
}

/* Puts the gap at its place; when all are taken the oldest goes. */
static void insert(struct gaps *gaps, uint32_t max, uint32_t at, const struct gap *gap)
{
	if (gaps->count == max) {
		at--;
		memmove(&gaps->items[0], &gaps->items[1], at * sizeof(*gaps->items));
	} else {
		memmove(&gaps->items[at + 1], &gaps->items[at], (gaps->count - at) * sizeof(*gaps->items));
		gaps->count++;
	}
	gaps->items[at] = (struct forest_gap){.gap = *gap};
}

static void count(struct gaps *gaps, const struct gap *gap)
{
	uint32_t type = gap->type <= FACT_SNAPSHOT ? gap->type : 0, reason = gap->reason < FOREST_GAP_REASONS ? gap->reason : 0;

	gaps->lost[type] += gap->count;
	gaps->losses->facts[type][reason] += gap->count;
	gaps->losses->gaps[reason]++;
}

int gaps_add(struct gaps *gaps, struct memory *memory, uint32_t max, const struct gap *gap, bool *ret_new)
{
	uint32_t at = gaps->count;

	while (at > 0 && compare(&gaps->items[at - 1].gap, gap) >= 0)
		at--;
	if ((at < gaps->count && compare(&gaps->items[at].gap, gap) == 0) ||
	    (at == 0 && gaps->count == max)) {
		*ret_new = false;
		return 0;
	}
	if (gaps->count < max && reserve(gaps, memory) < 0)
		return -ENOMEM;
	insert(gaps, max, at, gap);
	count(gaps, gap);
	*ret_new = true;
	return 0;
}
