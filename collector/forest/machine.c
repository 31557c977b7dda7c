/* SPDX-License-Identifier: Apache-2.0 */
/* Looked at lazily: clocks move with every fact, and a fleet of clones shares one machine id. */
#include "collector/forest/machine.h"

#include <errno.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "collector/forest/place.h"

static uint32_t hash_of(const struct forest *forest, const uint8_t id[16])
{
	return (uint32_t)XXH3_64bits_withSeed(id, 16, forest->pool.seed);
}

struct machine *machine_find(const struct forest *forest, const uint8_t id[16])
{
	uint32_t hash = hash_of(forest, id);

	for (struct intern *entry = intern_first(&forest->machines, hash); entry; entry = entry->next) {
		if (entry->hash == hash && memcmp(((struct machine *)entry)->id, id, 16) == 0)
			return (struct machine *)entry;
	}
	return NULL;
}

int machine_get(struct forest *forest, const uint8_t id[16], struct machine **ret)
{
	struct memory *memory = &forest->pool.memory;
	struct machine *machine = machine_find(forest, id);

	if (machine) {
		*ret = machine;
		return 0;
	}
	if (intern_reserve(&forest->machines, memory) < 0)
		return -ENOMEM;
	machine = memory_zalloc(memory, sizeof(*machine));
	if (!machine)
		return -ENOMEM;
	memcpy(machine->id, id, 16);
	machine->elsewhere_ns = INT64_MIN;
	intern_add(&forest->machines, &machine->intern, hash_of(forest, id));
	*ret = machine;
	return 0;
}

static void leave(struct forest_host *host)
{
	struct machine *machine = host->machine;
	struct forest_host **at;

	if (!machine)
		return;
	for (at = &machine->hosts; *at != host; at = &(*at)->machine_next)
		;
	*at = host->machine_next;
	host->machine = NULL;
	machine->dirty = true;
	if (machine->hosts)
		return;
	intern_remove(&host->forest->machines, &machine->intern);
	memory_free(&host->pool->memory, machine, sizeof(*machine));
}

static void set_rebooted(struct forest_host *host, bool rebooted)
{
	if (host->rebooted == rebooted)
		return;
	host->rebooted = rebooted;
	if (rebooted)
		place_settle_live(host);
	else
		place_settle_all(host); /* a clone, not an earlier boot: its processes live after all */
}

void machine_move(struct forest_host *host, struct machine *machine)
{
	if (host->machine == machine)
		return;
	leave(host);
	if (!machine) {
		set_rebooted(host, false);
		return;
	}
	host->machine = machine;
	host->machine_next = machine->hosts;
	machine->hosts = host;
	machine->dirty = true;
}

/* The latest beginning of a boot, by wall clock, and the latest of the others. */
static void latest(const struct machine *machine, const struct forest_host **ret_latest, int64_t *ret_first,
		   int64_t *ret_second)
{
	*ret_latest = NULL;
	*ret_first = *ret_second = INT64_MIN;
	for (const struct forest_host *host = machine->hosts; host; host = host->machine_next) {
		int64_t begin = host_wall(host, 0);

		if (!*ret_latest || begin > *ret_first) {
			*ret_second = *ret_first;
			*ret_first = begin;
			*ret_latest = host;
		} else if (begin > *ret_second) {
			*ret_second = begin;
		}
	}
}

int64_t machine_latest(const struct machine *machine)
{
	const struct forest_host *last;
	int64_t first, second;

	latest(machine, &last, &first, &second);
	return first;
}

void machine_look(struct machine *machine)
{
	const struct forest_host *last;
	int64_t first, second;

	if (!machine->dirty)
		return;
	machine->dirty = false;
	latest(machine, &last, &first, &second);
	for (struct forest_host *host = machine->hosts; host; host = host->machine_next) {
		int64_t begin = host == last ? second : first, seen = host_last_seen(host);

		if (begin < machine->elsewhere_ns)
			begin = machine->elsewhere_ns;
		set_rebooted(host, seen != INT64_MIN && begin > seen);
	}
}
