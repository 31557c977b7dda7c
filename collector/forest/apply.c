/* SPDX-License-Identifier: Apache-2.0 */
/* forest_apply: prepare, merge, tie, settle. Everything that can fail comes first; nodes that were made in vain go
 * again. */
#include <errno.h>

#include "collector/forest/apply.h"
#include "collector/forest/bound.h"
#include "collector/forest/core.h"
#include "collector/forest/evict.h"
#include "collector/forest/family.h"
#include "collector/forest/merge.h"
#include "collector/forest/place.h"

/* The nodes that one fact is about. */
struct scene {
	struct forest_node *node, *parent; /* parent: to be tied to, NULL = none, or as it is */
	bool made_node;
};

static int get_node(struct forest_host *host, struct process_key key, struct forest_node **node, bool *ret_made)
{
	*node = host_find(host, key);
	*ret_made = !*node;
	return *node ? 0 : host_add_node(host, key, node);
}

/* Whether only facts from before the host's horizon speak of it, or it was evicted itself: then it may be long dead. */
static bool may_be_dead(const struct forest_host *host, struct process_key key, uint64_t time_ns)
{
	return host->horizon_ns &&
	       (time_ns <= host->horizon_ns || graves_have(&host->forest->graves, host->intern.hash, key));
}

/* Finds or makes the node and, when the fact decides it, the parent. On failure nothing is left of it but what scene
 * says. */
static int set_scene(struct forest_host *host, struct draft *draft, struct scene *scene)
{
	const struct fact *fact = draft->fact;
	bool made_parent;
	int r = get_node(host, fact->self, &scene->node, &scene->made_node);

	if (r < 0)
		return r;
	if (!draft_decides_origin(draft, scene->node) || !family_may_tie(scene->node, fact->parent))
		return 0;
	r = get_node(host, fact->parent, &scene->parent, &made_parent);
	if (r == 0 && made_parent && may_be_dead(host, fact->parent, fact->time_ns))
		scene->parent->flags |= NODE_STALE;
	return r;
}

static void clear_scene(struct forest_host *host, struct scene *scene)
{
	if (scene->parent)
		family_drop_idle(host, scene->parent);
	if (scene->node && scene->made_node)
		host_remove_node(host, scene->node);
	else if (scene->node)
		place_settle(host, scene->node);
}

static void commit(struct forest_host *host, struct scene *scene, struct draft *draft, bool *ret_new)
{
	struct forest_node *node = scene->node;
	uint64_t sight_ns = family_sight(host, node);

	*ret_new = merge_fact(host, node, draft);
	if (draft->origin && !(node->flags & NODE_VAGUE))
		family_retie(host, node, scene->parent, sight_ns);
	if (scene->parent && scene->parent->place == PLACE_NONE)
		place_settle(host, scene->parent);
	place_settle(host, node);
	family_witness(host, node, sight_ns);
}

int apply_join(struct forest_host *host, const struct fact *fact, uint8_t era, bool *ret_new)
{
	struct draft draft;
	struct scene scene = {0};
	struct fact room;
	int r;

	registry_prefetch(&host->registry, fact->self);
	r = draft_init(&draft, host->pool, bound_fact(fact, &room), era);
	if (r == 0)
		r = set_scene(host, &draft, &scene);
	if (r == 0 && scene.node->place != PLACE_LIVE)
		place_leave(host, scene.node); /* what it is listed by is about to change */
	if (r == 0)
		r = draft_reserve(&draft, host->pool, scene.node);
	if (r == 0)
		commit(host, &scene, &draft, ret_new);
	else
		clear_scene(host, &scene);
	draft_finish(&draft, host->pool);
	return r;
}

int apply_check(const struct fact *fact)
{
	return !fact->self.tgid || !fact->context || fact->type < FACT_FORK || fact->type > FACT_SNAPSHOT ? -EINVAL : 0;
}

/* Told once more of a process that was evicted. */
static bool buried(const struct forest_host *host, const struct fact *fact)
{
	return host->horizon_ns && fact->time_ns <= host->horizon_ns && host_is_buried(host, fact->self);
}

void forest_batch_begin(struct forest *forest)
{
	pool_batch_begin(&forest->pool);
}

void forest_batch_end(struct forest *forest)
{
	pool_batch_end(&forest->pool);
}

void forest_expect(struct forest *forest, const struct fact *fact)
{
	image_expect(&forest->pool, fact);
}

int forest_apply(struct forest *forest, struct forest_host *host, const struct fact *fact, int64_t boottime_to_wall_ns,
		 bool *ret_new)
{
	bool news = false;
	uint8_t era;
	int r;

	if (apply_check(fact) < 0)
		return -EINVAL;
	evict_for_room(host); /* first: who goes for it is buried below */
	r = eras_get(&host->eras, &forest->pool.memory, boottime_to_wall_ns, &era);
	if (r == 0 && !buried(host, fact))
		r = apply_join(host, fact, era, &news);
	if (r < 0)
		return r;
	host_touch(host);
	host_note(host, fact->time_ns, era);
	eras_note(&host->eras, era, fact->time_ns, boottime_to_wall_ns);
	host_heard(host, fact->time_ns, boottime_to_wall_ns);
	(news ? forest->facts_new : forest->facts_known)[fact->type]++;
	*ret_new = news;
	return 0;
}

int forest_apply_gap(struct forest *forest, struct forest_host *host, const struct gap *gap, bool *ret_new)
{
	struct memory *memory = &forest->pool.memory;

	if (gap->reason == GAP_FILTERED)
		return gaps_add(&host->filtered, memory, GAPS_FILTERED_REMEMBERED, gap, ret_new);
	return gaps_add(&host->gaps, memory, GAPS_REMEMBERED, gap, ret_new);
}

int forest_apply_snapshot(struct forest *forest, struct forest_host *host, const struct snapshot_mark *mark)
{
	(void)forest;
	if (mark->begin_ns <= host->snapshot_ns)
		return 0;
	host->snapshot_ns = mark->begin_ns;
	place_settle_live(host);
	return 0;
}
