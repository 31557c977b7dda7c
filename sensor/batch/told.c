/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing by tgid. A slot is removed by moving up those behind it that belong nearer to their home, so that no graves gather in a
 * table through which every process of the host goes. */
#include "sensor/batch/told.h"

#include <stdlib.h>

#define SIZE_MIN 256u
#define TICK_NS 10000000u /* /proc tells start times in hundredths of a second */

void told_finish(struct told *told)
{
	free(told->slots);
	*told = TOLD_NULL;
}

static size_t home(const struct told *told, uint32_t tgid)
{
	return (tgid * 2654435761u) & (told->size - 1); /* Knuth's multiplier; tgids come one after the other */
}

/* Of the slot of tgid, or of the free one where it would stand. */
static size_t place(const struct told *told, uint32_t tgid)
{
	size_t at = home(told, tgid);

	while (told->slots[at].tgid && told->slots[at].tgid != tgid)
		at = (at + 1) & (told->size - 1);
	return at;
}

static bool same_start(uint64_t a, uint64_t b)
{
	return a == b || (a / TICK_NS == b / TICK_NS && (a % TICK_NS == 0 || b % TICK_NS == 0));
}

const struct told_slot *told_find(const struct told *told, struct process_key key)
{
	const struct told_slot *slot;

	if (told->used == 0 || key.tgid == 0)
		return NULL;
	slot = &told->slots[place(told, key.tgid)];
	return slot->tgid && same_start(slot->start_ns, key.start_ns) ? slot : NULL;
}

static bool grow(struct told *told)
{
	struct told bigger = {.size = told->size ? 2 * told->size : SIZE_MIN, .used = told->used};

	if (bigger.size > TOLD_MAX)
		return false;
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < told->size; i++) {
		if (told->slots[i].tgid)
			bigger.slots[place(&bigger, told->slots[i].tgid)] = told->slots[i];
	}
	free(told->slots);
	*told = bigger;
	return true;
}

void told_put(struct told *told, const struct told_slot *slot)
{
	size_t at = told->size ? place(told, slot->tgid) : 0;

	if (told->size && told->slots[at].tgid) {
		told->slots[at] = *slot;
		return;
	}
	if (4 * (told->used + 1) > 3 * told->size) {
		if (!grow(told)) {
			told->overflowed = true;
			return;
		}
		at = place(told, slot->tgid);
	}
	told->slots[at] = *slot;
	told->used++;
}

void told_remove(struct told *told, uint32_t tgid)
{
	size_t mask = told->size - 1, hole, at;

	if (told->used == 0)
		return;
	hole = place(told, tgid);
	if (!told->slots[hole].tgid)
		return;
	for (at = (hole + 1) & mask; told->slots[at].tgid; at = (at + 1) & mask) {
		/* may it move up: is its home not between the hole and here? */
		if (((at - home(told, told->slots[at].tgid)) & mask) >= ((at - hole) & mask)) {
			told->slots[hole] = told->slots[at];
			hole = at;
		}
	}
	told->slots[hole] = (struct told_slot){0};
	told->used--;
}

/* A removal may move one that was looked at already, never one that was not past the end of the look: the same place is looked at again. */
void told_sweep(struct told *told, uint64_t before_ns)
{
	for (size_t i = 0; i < told->size;) {
		if (told->slots[i].tgid && told->slots[i].seen_ns < before_ns)
			told_remove(told, told->slots[i].tgid);
		else
			i++;
	}
}
