/* SPDX-License-Identifier: Apache-2.0 */
/* What goes is decided in three steps: by age on each host that facts came for, by the bound on kept ancestors, and by
 * the budget of the whole forest, which is taken from the host boot that holds most. Before that a bound on the number
 * of processes makes room one by one, as facts need it. Evicting is no join: what was evicted is forgotten, and the
 * host's horizon remembers up to when. */
#include "collector/forest/evict.h"

#include "collector/forest/core.h"
#include "collector/forest/family.h"
#include "collector/forest/lineage.h"
#include "collector/forest/place.h"

/* Children that inherited their image from this process get it for their own. Returns false when there is no memory for
 * it. */
static bool bequeath(struct forest_host *host, struct forest_node *parent)
{
	for (struct forest_node *child = host_node(host, parent->child_first); child;
	     child = host_node(host, child->sibling_next)) {
		bool done;

		if (!(child->flags & NODE_FORK))
			continue;
		if (child->place != PLACE_LIVE)
			place_leave(host, child);
		done = lineage_bequeath(host, child);
		place_settle(host, child);
		if (!done)
			return false;
	}
	return true;
}

static bool evict_node(struct forest_host *host, struct forest_node *node)
{
	if (!bequeath(host, node))
		return false;
	graves_add(&host->forest->graves, &host->pool->memory, host->intern.hash, node_key(node));
	if (node_end_ns(node) > host->horizon_ns)
		host->horizon_ns = node_end_ns(node);
	family_orphan(host, node);
	place_leave(host, node);
	family_untie(host, node);
	host_remove_node(host, node);
	host->evicted++;
	host->forest->evicted++;
	return true;
}

static bool evict_first(struct forest_host *host, enum node_place place)
{
	struct forest_node *node = host_node(host, host->places[place].first);

	return node && evict_node(host, node);
}

void evict_for_room(struct forest_host *host)
{
	struct forest *forest = host->forest;
	uint32_t max = forest->options.nodes_per_host_max;

	while (host->slab.used + 2 > max && host->slab.used > 0 && (evict_first(host, PLACE_SPENT) || evict_first(host, PLACE_HELD)))
		;
	while (forest->node_count + 2 > forest->options.nodes_max &&
	       (evict_first(forest->heap[0], PLACE_SPENT) || evict_first(host, PLACE_HELD)))
		;
}

static bool too_old(const struct forest_host *host, uint64_t keep_ns)
{
	const struct forest_node *first = host_node(host, host->places[PLACE_SPENT].first);

	return first && host->last_fact_ns > node_end_ns(first) && host->last_fact_ns - node_end_ns(first) > keep_ns;
}

static size_t evict_aged(struct forest_host *host, uint64_t keep_ns)
{
	size_t count = 0;

	while (keep_ns && too_old(host, keep_ns) && evict_first(host, PLACE_SPENT))
		count++;
	return count;
}

/* A checkpoint holds the budget of those who have ended, and dead ancestors; much more is of somebody whose clock makes everybody look old. */
static size_t evict_held(struct forest_host *host)
{
	size_t count = 0;

	while (host->forest->held_bytes > host->forest->options.held_bytes_max && evict_first(host, PLACE_HELD))
		count++;
	return count;
}

static size_t evict_kept(struct forest_host *host)
{
	uint64_t max = EVICT_KEPT_BASE + (uint64_t)EVICT_KEPT_PER_LIVE * host->places[PLACE_LIVE].count;
	size_t count = 0;

	while (host->places[PLACE_KEPT].count > max && evict_first(host, PLACE_KEPT))
		count++;
	return count;
}

size_t forest_evict(struct forest *forest)
{
	/* who is held for a checkpoint takes about as much again */
	uint64_t max = forest->restoring ? forest->options.exited_bytes_max / 2 : forest->options.exited_bytes_max;
	size_t count = 0;

	while (forest->touched) {
		struct forest_host *host = forest->touched;

		forest->touched = host->touched_next;
		host->touched = false;
		count += evict_aged(host, forest->options.exited_keep_ns);
		/* who lives below them is not known before a checkpoint's end */
		count += forest->restoring ? evict_held(host) : evict_kept(host);
	}
	while (forest->spent_bytes > max && evict_first(forest->heap[0], PLACE_SPENT))
		count++;
	return count;
}
