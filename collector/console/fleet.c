/* SPDX-License-Identifier: Apache-2.0 */
/* All shards are told to make way before the first one is waited for, so that waiting takes as long as the slowest of
 * them and not the sum. */
#include "collector/console/fleet.h"

#include <string.h>

#define EACH_NS 2000000u /* inside at a time */
#define EACH_STEPS 16u   /* hosts between two looks at the clock */

void fleet_enter(const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->shard_count; i++)
		gate_want(fleet->shards[i].gate);
	for (size_t i = 0; i < fleet->shard_count; i++)
		gate_enter_wanted(fleet->shards[i].gate);
}

void fleet_leave(const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->shard_count; i++)
		gate_leave(fleet->shards[i].gate);
}

void fleet_enter_shard(const struct fleet *fleet, size_t shard)
{
	gate_enter(fleet->shards[shard].gate);
}

void fleet_leave_shard(const struct fleet *fleet, size_t shard)
{
	gate_leave(fleet->shards[shard].gate);
}

size_t fleet_shard_of(const struct fleet *fleet, const struct boot_id *boot)
{
	return fleet->shard_of ? fleet->shard_of(fleet->owner, boot) : 0;
}

struct forest_host *fleet_host_find(const struct fleet *fleet, const struct boot_id *boot)
{
	return forest_host_find(fleet->shards[fleet_shard_of(fleet, boot)].forest, boot);
}

/* ---- walking ------------------------------------------------------------------------------------------------- */

static void set_next(struct fleet_walk *walk, size_t shard, struct forest_host *host)
{
	struct fleet_walk_key *key = &walk->keys[shard];

	walk->next[shard] = host;
	if (host)
		forest_host_name(host, &key->name, &key->boot);
}

void fleet_place_of(const struct forest_host *host, struct fleet_place *ret)
{
	const struct boot_id *boot;
	struct bytes name;

	forest_host_name(host, &name, &boot);
	ret->boot = *boot;
	ret->name_len = name.len < sizeof(ret->name) ? name.len : (uint32_t)sizeof(ret->name);
	if (ret->name_len > 0)
		memcpy(ret->name, name.data, ret->name_len);
}

void fleet_walk_begin(struct fleet_walk *walk, const struct fleet *fleet, const struct fleet_place *behind)
{
	walk->fleet = fleet;
	for (size_t i = 0; i < fleet->shard_count; i++) {
		const struct forest *forest = fleet->shards[i].forest;

		set_next(walk, i,
			 behind ? forest_host_behind(forest, bytes_make(behind->name, behind->name_len), &behind->boot)
				: forest_host_next(forest, NULL));
	}
}

static bool is_before(const struct fleet_walk_key *a, const struct fleet_walk_key *b)
{
	int order = bytes_compare(a->name, b->name);

	return order < 0 || (order == 0 && memcmp(a->boot->octets, b->boot->octets, BOOT_ID_BYTES) < 0);
}

struct forest_host *fleet_walk_next(struct fleet_walk *walk)
{
	size_t first = SIZE_MAX;
	struct forest_host *host;

	for (size_t i = 0; i < walk->fleet->shard_count; i++)
		if (walk->next[i] && (first == SIZE_MAX || is_before(&walk->keys[i], &walk->keys[first])))
			first = i;
	if (first == SIZE_MAX)
		return NULL;
	host = walk->next[first];
	set_next(walk, first, forest_host_next(walk->fleet->shards[first].forest, host));
	return host;
}

void fleet_each_host(const struct fleet *fleet, void (*fn)(void *owner, struct forest_host *host), void *owner)
{
	struct forest_host *host;
	struct fleet_place place;
	struct fleet_walk walk;
	bool begun = false;

	do {
		uint64_t begin_ns;
		unsigned steps = 0;

		fleet_enter(fleet);
		begin_ns = uv_hrtime();
		fleet_walk_begin(&walk, fleet, begun ? &place : NULL);
		while ((host = fleet_walk_next(&walk))) {
			fn(owner, host);
			if (++steps % EACH_STEPS == 0 && uv_hrtime() - begin_ns > EACH_NS) {
				fleet_place_of(host, &place);
				begun = true;
				break;
			}
		}
		fleet_leave(fleet);
	} while (host);
}
