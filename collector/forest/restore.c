/* SPDX-License-Identifier: Apache-2.0 */
/* Saved facts are joined like others, with three differences: they count as no news, they prove nothing of the host's
 * clock or of what was seen last, and whether a process may long be dead is known. */
#include <errno.h>
#include <string.h>

#include "collector/forest/apply.h"
#include "collector/forest/bound.h"
#include "collector/forest/core.h"
#include "collector/forest/evict.h"
#include "collector/forest/place.h"

void forest_restore_begin(struct forest *forest)
{
	forest->restoring = true;
}

void forest_restore_told(struct forest_host *host, uint64_t since_ns)
{
	if (host->forest->restoring && host->told_from_ns == 0)
		host->told_from_ns = since_ns;
}

void forest_restore_end(struct forest *forest)
{
	forest->restoring = false;
	for (uint32_t i = 0; i < forest->host_count; i++) {
		struct forest_host *host = forest->ordered[i];

		host->told_from_ns = 0;
		place_release(host);
		host_touch(host);
	}
	(void)forest_evict(forest);
}

static int restore_eras(struct forest *forest, struct forest_host *host, const struct boot_state *state)
{
	uint8_t era;

	for (size_t i = 0; i < state->era_count; i++) {
		if (eras_get(&host->eras, &forest->pool.memory, state->eras[i].boottime_to_wall_ns, &era) < 0)
			return -ENOMEM;
		eras_note(&host->eras, era, state->eras[i].since_ns, state->eras[i].boottime_to_wall_ns);
	}
	if (!state->fact_known)
		return 0;
	if (eras_get(&host->eras, &forest->pool.memory, state->first_fact_to_wall_ns, &era) < 0)
		return -ENOMEM;
	host_note(host, state->first_fact_ns, era);
	host_note(host, state->last_fact_ns, era);
	return 0;
}

static int restore_gaps(struct forest *forest, struct forest_host *host, const struct boot_state *state)
{
	bool news;

	for (size_t i = 0; i < state->gap_count; i++) {
		int r = forest_apply_gap(forest, host, &state->gaps[i], &news);

		if (r < 0)
			return r;
	}
	return 0;
}

int forest_restore_host(struct forest *forest, struct forest_host *host, const struct boot_state *state)
{
	struct snapshot_mark mark = {state->snapshot_ns, state->snapshot_ns};
	int r = restore_eras(forest, host, state);

	if (r == 0)
		r = restore_gaps(forest, host, state);
	if (r < 0)
		return r;
	/* Everything that came before in the journal has been counted in them. */
	memcpy(host->facts, state->facts, sizeof(host->facts));
	memcpy(host->gaps.lost, state->lost, sizeof(host->gaps.lost));
	host->evicted = state->evicted;
	if (state->horizon_ns > host->horizon_ns)
		host->horizon_ns = state->horizon_ns;
	if (state->clock_known)
		host_heard(host, state->clock_ns, state->boottime_to_wall_ns);
	return forest_apply_snapshot(forest, host, &mark);
}

static void set_stale(struct forest_host *host, struct forest_node *node, bool stale)
{
	if (stale == !!(node->flags & NODE_STALE))
		return;
	node->flags ^= NODE_STALE;
	place_settle(host, node);
}

static int restore_inherited(struct forest_host *host, const struct fact *fact, uint8_t era)
{
	struct memory *memory = &host->pool->memory;
	struct forest_node *node = host_find(host, fact->self);
	struct image *image;
	struct fact room;

	if (!node || (node->more && node->more->inherited))
		return 0;
	if (node->place != PLACE_LIVE)
		place_leave(host, node);
	if (!node->more)
		node->more = memory_zalloc(memory, sizeof(*node->more));
	image = node->more ? memory_zalloc(memory, sizeof(*image)) : NULL;
	if (image && image_make(host->pool, bound_fact(fact, &room), era, image) == 0)
		node->more->inherited = image;
	else
		memory_free(memory, image, sizeof(*image));
	place_settle(host, node);
	return node->more && node->more->inherited ? 0 : -ENOMEM;
}

int forest_restore(struct forest *forest, struct forest_host *host, unsigned saved, const struct fact *fact,
		   int64_t boottime_to_wall_ns)
{
	struct forest_node *node, *parent;
	uint64_t facts[5];
	bool news;
	uint8_t era;
	int r = apply_check(fact);

	evict_for_room(host);
	if (r == 0)
		r = eras_get(&host->eras, &forest->pool.memory, boottime_to_wall_ns, &era);
	if (r < 0)
		return r;
	if (host_is_buried(host, fact->self))
		return 0; /* evicted since the checkpoint began */
	if (saved & FOREST_SAVED_INHERITED)
		return restore_inherited(host, fact, era);
	memcpy(facts, host->facts, sizeof(facts));
	r = apply_join(host, fact, era, &news);
	memcpy(host->facts, facts, sizeof(facts));
	if (r < 0)
		return r;
	node = host_find(host, fact->self);
	parent = host_node(host, node->parent);
	set_stale(host, node, saved & FOREST_SAVED_STALE);
	if (parent && !(parent->flags & NODE_OWN))
		set_stale(host, parent,
			  saved & (FOREST_SAVED_STALE_PARENT | FOREST_SAVED_OWN_PARENT) ||
				  graves_have(&forest->graves, host->intern.hash, node_key(parent)));
	return 0;
}
