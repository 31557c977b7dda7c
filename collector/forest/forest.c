/* SPDX-License-Identifier: Apache-2.0 */
/* The host boots of the forest: made, found, ordered, described, counted. */
#include <errno.h>
#include <sys/random.h>

#include "collector/forest/core.h"
#include "collector/forest/heap.h"
#include "collector/forest/machine.h"
#include "collector/forest/place.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HOSTS_MIN 16u

int forest_create(struct forest **ret, const struct forest_options *options)
{
	struct forest *forest = calloc(1, sizeof(*forest));
	uint64_t seed = 0;

	if (!forest)
		return -ENOMEM;
	(void)getrandom(&seed, sizeof(seed), GRND_NONBLOCK); /* without it hashing still works, only predictably */
	forest->options = *options;
	pool_init(&forest->pool, seed);
	forest->graves.seed = seed;
	*ret = forest;
	return 0;
}

void forest_destroy(struct forest *forest)
{
	struct memory *memory;

	if (!forest)
		return;
	memory = &forest->pool.memory;
	for (uint32_t i = 0; i < forest->host_count; i++)
		machine_move(forest->ordered[i], NULL);
	for (uint32_t i = 0; i < forest->host_count; i++)
		host_destroy(forest->ordered[i]);
	intern_table_finish(&forest->boots, memory);
	intern_table_finish(&forest->machines, memory);
	memory_free(memory, forest->ordered, forest->host_capacity * sizeof(struct forest_host *));
	memory_free(memory, forest->heap, forest->host_capacity * sizeof(struct forest_host *));
	graves_finish(&forest->graves, memory);
	pool_finish(&forest->pool);
	free(forest);
}

/* ---- the list by name -------------------------------------------------------------------------------------------- */

static void order_put(struct forest *forest, uint32_t at, struct forest_host *host)
{
	forest->ordered[at] = host;
	host->ordered_at = at;
}

/* Moves a host whose name has changed to its place. */
static void order_update(struct forest *forest, struct forest_host *host)
{
	uint32_t at = host->ordered_at;

	for (; at > 0 && host_compare(forest->ordered[at - 1], host) > 0; at--)
		order_put(forest, at, forest->ordered[at - 1]);
	for (; at + 1 < forest->host_count && host_compare(forest->ordered[at + 1], host) < 0; at++)
		order_put(forest, at, forest->ordered[at + 1]);
	order_put(forest, at, host);
}

static void order_remove(struct forest *forest, const struct forest_host *host)
{
	for (uint32_t at = host->ordered_at; at < forest->host_count; at++)
		order_put(forest, at, forest->ordered[at + 1]);
}

struct forest_host *forest_host_next(const struct forest *forest, const struct forest_host *after)
{
	uint32_t at = after ? after->ordered_at + 1 : 0;

	return at < forest->host_count ? forest->ordered[at] : NULL;
}

void forest_host_name(const struct forest_host *host, struct bytes *ret_name, const struct boot_id **ret_boot)
{
	*ret_name = host_name(host);
	*ret_boot = &host->boot;
}

struct forest_host *forest_host_behind(const struct forest *forest, struct bytes name, const struct boot_id *boot)
{
	uint32_t low = 0, high = forest->host_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct forest_host *host = forest->ordered[middle];
		int order = bytes_compare(host_name(host), name);

		if (order > 0 || (order == 0 && memcmp(host->boot.octets, boot->octets, BOOT_ID_BYTES) > 0))
			high = middle;
		else
			low = middle + 1;
	}
	return low < forest->host_count ? forest->ordered[low] : NULL;
}

/* ---- hosts ------------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct forest *forest, const struct boot_id *boot)
{
	return (uint32_t)XXH3_64bits_withSeed(boot->octets, BOOT_ID_BYTES, forest->pool.seed);
}

struct forest_host *forest_host_find(const struct forest *forest, const struct boot_id *boot)
{
	uint32_t hash = hash_of(forest, boot);

	for (struct intern *entry = intern_first(&forest->boots, hash); entry; entry = entry->next) {
		if (entry->hash == hash && boot_id_equal(&((struct forest_host *)entry)->boot, boot))
			return (struct forest_host *)entry;
	}
	return NULL;
}

bool forest_wants_region(const struct forest *forest)
{
	return memory_wants_region(&forest->pool.memory);
}

void *forest_prefault(void)
{
	return memory_prefault();
}

void forest_keep_region(struct forest *forest, void *region)
{
	memory_keep_region(&forest->pool.memory, region);
}

static int grow_list(struct memory *memory, struct forest_host ***list, uint32_t old_capacity, uint32_t capacity)
{
	struct forest_host **grown =
	    memory_resize(memory, *list, old_capacity * sizeof(**list), capacity * sizeof(**list));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	return 0;
}

static int reserve_host(struct forest *forest)
{
	struct memory *memory = &forest->pool.memory;
	uint32_t old = forest->host_capacity, capacity = old ? old * 2 : HOSTS_MIN;

	if (forest->host_count >= forest->options.hosts_max)
		return -ENOSPC;
	if (intern_reserve(&forest->boots, memory) < 0)
		return -ENOMEM;
	if (forest->host_count < old)
		return 0;
	if (grow_list(memory, &forest->ordered, old, capacity) < 0)
		return -ENOMEM;
	if (grow_list(memory, &forest->heap, old, capacity) < 0) {
		(void)grow_list(memory, &forest->ordered, capacity,
				old ? old : 1); /* shrinking: both lists have one capacity */
		return -ENOMEM;
	}
	forest->host_capacity = capacity;
	return 0;
}

int forest_host_get(struct forest *forest, const struct boot_id *boot, struct forest_host **ret)
{
	struct forest_host *host = forest_host_find(forest, boot);
	int r;

	if (host) {
		*ret = host;
		return 0;
	}
	r = reserve_host(forest);
	if (r == 0)
		r = host_create(&host, forest, boot);
	if (r < 0)
		return r;
	intern_add(&forest->boots, &host->intern, hash_of(forest, boot));
	order_put(forest, forest->host_count++, host);
	order_update(forest, host);
	heap_add(forest, host);
	*ret = host;
	return 0;
}

static void untouch(struct forest *forest, struct forest_host *host)
{
	struct forest_host **at = &forest->touched;

	while (*at && *at != host)
		at = &(*at)->touched_next;
	if (*at)
		*at = host->touched_next;
}

bool forest_host_is_over(struct forest_host *host)
{
	host_refresh(host);
	return !host->description || host->rebooted || host->states[PROCESS_LIVE] == 0;
}

void forest_host_room(const struct forest *forest, uint32_t *ret_held, uint32_t *ret_max)
{
	*ret_held = forest->host_count;
	*ret_max = forest->options.hosts_max;
}

void forest_host_forget(struct forest *forest, struct forest_host *host)
{
	forest->evicted += host->slab.used;
	forest->node_count -= host->slab.used;
	machine_move(host, NULL);
	untouch(forest, host);
	intern_remove(&forest->boots, &host->intern);
	forest->spent_bytes -= host->spent_bytes;
	forest->held_bytes -= host->held_bytes;
	forest->host_count--;
	order_remove(forest, host);
	heap_remove(forest, host);
	host_destroy(host);
}

/* The machine that the description names, NULL = none. */
static int machine_of(struct forest *forest, const struct description *description, struct machine **ret)
{
	*ret = NULL;
	return description->machine_id_known ? machine_get(forest, description->machine_id, ret) : 0;
}

int forest_host_describe(struct forest *forest, struct forest_host *host, const struct hello *hello)
{
	struct description *description, *loser;
	struct machine *machine;
	int r = description_create(&description, &forest->pool.memory, hello);

	if (r < 0)
		return r;
	loser = description;
	if (!host->description || description_compare(description, host->description) > 0) {
		r = machine_of(forest, description, &machine);
		if (r < 0) {
			description_destroy(description, &forest->pool.memory);
			return r;
		}
		loser = host->description;
		host->description = description;
		order_update(forest, host);
		machine_move(host, machine);
	}
	host_heard(host, hello->boottime_ns, hello->boottime_to_wall_ns);
	description_destroy(loser, &forest->pool.memory);
	if (host->machine)
		machine_look(host->machine);
	return 0;
}

int64_t forest_machine_elsewhere(struct forest *forest, const uint8_t machine_id[16], int64_t begin_wall_ns)
{
	struct machine *machine = machine_find(forest, machine_id);

	if (!machine)
		return INT64_MIN;
	if (begin_wall_ns > machine->elsewhere_ns) {
		machine->elsewhere_ns = begin_wall_ns;
		machine->dirty = true;
		machine_look(machine);
	}
	return machine_latest(machine);
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

static void fill_description(const struct forest_host *host, struct forest_host_info *ret)
{
	const struct description *d = host->description;

	if (!d)
		return;
	ret->described = true;
	memcpy(ret->machine_id, d->machine_id, sizeof(ret->machine_id));
	ret->machine_id_known = d->machine_id_known;
	ret->hostname = d->hostname;
	ret->kernel = d->kernel;
	ret->arch = d->arch;
	ret->sensor_version = d->sensor_version;
	ret->tags = d->tags;
	ret->tag_count = d->tag_count;
}

static const struct forest_gap *newest_gaps(const struct forest_host *host, const struct gaps *gaps, size_t *ret_count)
{
	uint32_t count = gaps->count < FOREST_GAPS_MAX ? gaps->count : FOREST_GAPS_MAX;
	struct forest_gap *items = count ? gaps->items + (gaps->count - count) : NULL;

	for (uint32_t i = 0; i < count; i++)
		items[i].boottime_to_wall_ns =
		    host->offset_ns; /* the newest known, whatever was known when the gap came */
	*ret_count = count;
	return items;
}

static void fill_gaps(const struct forest_host *host, struct forest_host_info *ret)
{
	ret->gaps = newest_gaps(host, &host->gaps, &ret->gap_count);
	ret->filtered = newest_gaps(host, &host->filtered, &ret->filtered_count);
	ret->losses = host->gaps.losses;
	memcpy(ret->lost, host->gaps.lost, sizeof(ret->lost));
}

void forest_host_info(const struct forest_host *host, struct forest_host_info *ret)
{
	host_refresh((struct forest_host *)host);
	*ret = (struct forest_host_info){
	    .boot = host->boot,
	    .rebooted = host->rebooted,
	    .boottime_to_wall_ns = host->offset_ns,
	    .last_fact_ns = host->last_fact_ns,
	    .first_seen_wall_ns =
		host->fact_known ? host_wall_at(host, host->first_fact_ns, host->first_fact_era) : INT64_MIN,
	    .last_seen_wall_ns = host->fact_known ? host_wall(host, host->last_fact_ns) : INT64_MIN,
	    .live = host->states[PROCESS_LIVE],
	    .exited = host->states[PROCESS_EXITED],
	    .evicted = host->evicted,
	};
	memcpy(ret->facts, host->facts, sizeof(ret->facts));
	fill_description(host, ret);
	fill_gaps(host, ret);
}

void forest_stats(const struct forest *forest, struct forest_stats *ret)
{
	*ret = (struct forest_stats){
	    .hosts = forest->host_count,
	    .bytes = memory_cost(sizeof(*forest)) + forest->pool.memory.bytes,
	    .evicted = forest->evicted,
	};
	for (uint32_t i = 0; i < forest->host_count; i++) {
		struct forest_host *host = forest->ordered[i];

		host_refresh(host);
		ret->live += host->states[PROCESS_LIVE];
		ret->exited += host->states[PROCESS_EXITED];
		ret->unknown += host->states[PROCESS_UNKNOWN];
	}
	memcpy(ret->facts_new, forest->facts_new, sizeof(ret->facts_new));
	memcpy(ret->facts_known, forest->facts_known, sizeof(ret->facts_known));
}
