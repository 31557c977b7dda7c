/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is taken out of the table: a later process of that pid began in another tick, so the entry means nobody else. */
#include "sensor/probe/starts.h"

#include <string.h>

void starts_init(struct starts *starts, bool all, uint64_t tick_ns, int64_t offset_ns)
{
	*starts = (struct starts){.all = all, .tick_ns = tick_ns, .offset_ns = offset_ns};
}

void starts_finish(struct starts *starts)
{
	known_finish(&starts->rounded);
}

static uint64_t round_down(const struct starts *starts, uint64_t start_ns)
{
	uint64_t shown = start_ns + (uint64_t)starts->offset_ns;

	return shown - shown % starts->tick_ns - (uint64_t)starts->offset_ns;
}

void starts_note(struct starts *starts, struct process_key key)
{
	/* Without memory for it the process is told under both times, until it ends. */
	if (!starts->all && starts->rounded.used < STARTS_MAX && round_down(starts, key.start_ns) == key.start_ns)
		(void)known_add(&starts->rounded, key, true);
}

static uint64_t told(const struct starts *starts, uint32_t tgid, uint64_t start_ns)
{
	const struct known_slot *slot;
	uint64_t rounded;

	if (tgid == 0 || start_ns == 0)
		return start_ns;
	rounded = round_down(starts, start_ns);
	if (starts->all)
		return rounded;
	slot = known_find(&starts->rounded, tgid);
	return slot && slot->key.start_ns == rounded ? rounded : start_ns;
}

const struct event *starts_settle(const struct starts *starts, const struct event *event, void *buffer)
{
	struct event *copy = buffer;
	uint64_t own, parent, creator, reaper;

	if (!starts->all && starts->rounded.used == 0)
		return event; /* the usual case costs nothing */
	own = told(starts, event->tgid, event->start_ns);
	parent = told(starts, event->parent_tgid, event->parent_start_ns);
	creator = told(starts, event->creator_tgid, event->creator_start_ns);
	reaper = told(starts, event->reaper_tgid, event->reaper_start_ns);
	if (own == event->start_ns && parent == event->parent_start_ns && creator == event->creator_start_ns && reaper == event->reaper_start_ns)
		return event;
	memcpy(copy, event, event->size);
	copy->start_ns = own;
	copy->parent_start_ns = parent;
	copy->creator_start_ns = creator;
	copy->reaper_start_ns = reaper;
	return copy;
}
