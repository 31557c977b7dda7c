/* SPDX-License-Identifier: Apache-2.0 */
/* A short list: clocks jump rarely. */
#include "collector/forest/eras.h"

#include <errno.h>

#define CAPACITY_MIN 2u
#define SECOND_NS 1000000000

void eras_finish(struct eras *eras, struct memory *memory)
{
	memory_free(memory, eras->items, eras->capacity * sizeof(*eras->items));
	*eras = (struct eras){0};
}

static int grow(struct eras *eras, struct memory *memory)
{
	unsigned capacity = eras->capacity ? eras->capacity * 2u : CAPACITY_MIN;
	struct era *items;

	if (capacity > ERA_OTHER)
		capacity = ERA_OTHER;
	items = memory_resize(memory, eras->items, eras->capacity * sizeof(*items), capacity * sizeof(*items));
	if (!items)
		return -ENOMEM;
	eras->items = items;
	eras->capacity = (uint8_t)capacity;
	return 0;
}

int eras_get(struct eras *eras, struct memory *memory, int64_t offset_ns, uint8_t *ret)
{
	int64_t seconds = offset_ns / SECOND_NS;

	if (eras->count && eras->items[eras->last].seconds == seconds) {
		*ret = eras->last;
		return 0;
	}
	for (uint8_t i = 0; i < eras->count; i++) {
		if (eras->items[i].seconds == seconds) {
			*ret = eras->last = i;
			return 0;
		}
	}
	if (eras->count == ERA_OTHER) {
		*ret = ERA_OTHER;
		return 0;
	}
	if (eras->count == eras->capacity && grow(eras, memory) < 0)
		return -ENOMEM;
	eras->items[eras->count] = (struct era){.seconds = seconds, .since_ns = UINT64_MAX, .offset_ns = INT64_MAX};
	*ret = eras->last = eras->count++;
	return 0;
}

void eras_note(struct eras *eras, uint8_t era, uint64_t boottime_ns, int64_t offset_ns)
{
	struct era *e;

	if (era == ERA_OTHER)
		return;
	e = &eras->items[era];
	if (boottime_ns > e->since_ns || (boottime_ns == e->since_ns && offset_ns >= e->offset_ns))
		return;
	e->since_ns = boottime_ns;
	e->offset_ns = offset_ns;
}
