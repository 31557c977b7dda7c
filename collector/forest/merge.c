/* SPDX-License-Identifier: Apache-2.0 */
/* Every cell is replaced only by what is strictly before (or behind) it in a total order over facts: that is all it
 * takes to be a join. */
#include "collector/forest/merge.h"

/* ---- origin ------------------------------------------------------------------------------------------------------ */

static void set_vague(struct forest_host *host, struct forest_node *node, bool vague)
{
	host->vague_dirty |= vague;
	if (vague == !!(node->flags & NODE_VAGUE))
		return;
	node->flags ^= NODE_VAGUE;
	host->vague_count += vague ? 1 : UINT32_MAX;
}

static void merge_origin(struct forest_host *host, struct forest_node *node, struct draft *draft)
{
	const struct fact *fact = draft->fact;

	node->origin_rank = draft->origin_rank;
	node->origin_ns = fact->time_ns;
	node->origin_era = draft->era;
	node->parent_start_ns = fact->parent.start_ns;
	node->parent_tgid = fact->parent.tgid;
	if (node->more)
		node->more->creator = fact->creator.tgid && !process_key_equal(fact->creator, fact->parent)
					  ? fact->creator
					  : (struct process_key){0};
	texts_put(&host->pool->texts, node->comm);
	node->comm = draft->comm;
	draft->comm = NULL;
	set_vague(host, node, fact->parent.tgid && !fact->parent.start_ns);
}

/* ---- facets ------------------------------------------------------------------------------------------------------ */

/* Drops the older facets that speak of nothing which newer ones do not. */
static void prune(struct forest_node *node, struct pool *pool)
{
	struct facet_link **at = &node->more->older, *link;
	uint16_t covered = node->newest.mask;

	while ((link = *at)) {
		if (link->facet.mask & ~covered) {
			covered |= link->facet.mask;
			at = &link->older;
			continue;
		}
		*at = link->older;
		contexts_put(&pool->contexts, link->facet.context);
		memory_free(&pool->memory, link, sizeof(*link));
	}
}

/* Puts the facet among the older ones, in order; one that stands there already is not put twice. */
static void put_older(struct forest_node *node, struct draft *draft, struct facet *facet)
{
	struct facet_link **at = &node->more->older;
	int order = 1;

	while (*at && (order = facet_compare(&(*at)->facet, facet)) > 0)
		at = &(*at)->older;
	if (*at && order == 0)
		return;
	draft->link->facet = *facet;
	draft->link->older = *at;
	*at = draft->link;
	draft->link = NULL;
	facet->context = NULL; /* handed over */
}

static void merge_facet(struct forest_node *node, struct draft *draft, struct pool *pool)
{
	int order = node->flags & NODE_OWN ? facet_compare(&draft->facet, &node->newest) : 1;

	if (order > 0) {
		struct facet newest = draft->facet;

		draft->facet = node->newest;
		node->newest = newest;
	}
	if (draft->link)
		put_older(node, draft, &draft->facet);
	if (node->more)
		prune(node, pool);
}

/* ---- exit -------------------------------------------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_exit(const struct node_exit *a, const struct node_exit *b)
{
	const struct fact_exit *x = &a->exit, *y = &b->exit;
	int order;

	if ((order = compare_numbers(a->time_ns, b->time_ns)) ||
	    (order = compare_numbers((uint32_t)x->code, (uint32_t)y->code)) ||
	    (order = compare_numbers(x->signal, y->signal)) || (order = compare_numbers(x->core, y->core)) ||
	    (order = compare_numbers(x->utime_ns, y->utime_ns)) ||
	    (order = compare_numbers(x->stime_ns, y->stime_ns)) ||
	    (order = compare_numbers(x->max_rss_bytes, y->max_rss_bytes)) ||
	    (order = compare_numbers(x->read_bytes, y->read_bytes)) ||
	    (order = compare_numbers(x->written_bytes, y->written_bytes)))
		return order;
	return key_compare(x->reaper, y->reaper);
}

/* The earliest telling stands. */
static bool merge_exit(struct forest_node *node, struct draft *draft)
{
	struct node_exit exit = {.time_ns = draft->fact->time_ns, .era = draft->era, .exit = draft->fact->exit};
	bool first = !node->exit;

	if (first) {
		node->exit = draft->exit;
		draft->exit = NULL;
	}
	if (first || compare_exit(&exit, node->exit) < 0)
		*node->exit = exit;
	return first;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Counts the kinds of facts that a node has had; news of a snapshot is that it told of the process. */
static bool merge_kind(struct forest_host *host, struct forest_node *node, const struct fact *fact)
{
	bool known = node->flags & (NODE_FORK | NODE_SNAPSHOT);

	switch (fact->type) {
	case FACT_FORK:
		known = node->flags & NODE_FORK;
		node->flags |= NODE_FORK;
		host->facts[FACT_FORK] += !known;
		return !known;
	case FACT_SNAPSHOT:
		host->facts[FACT_SNAPSHOT] += !(node->flags & NODE_SNAPSHOT);
		node->flags |= (uint8_t)(NODE_SNAPSHOT | (fact->flags & FACT_ZOMBIE ? NODE_ZOMBIE : 0));
		return !known;
	default:
		return false;
	}
}

static bool merge_image(struct forest_host *host, struct forest_node *node, struct draft *draft)
{
	bool news;
	int more = images_add(node->images, host->pool, &draft->image, &news);

	draft->has_image = false; /* taken over or released */
	host->facts[FACT_EXEC] += (uint64_t)(int64_t)more;
	return news;
}

/* Only facts from before the horizon know of it: it may be one that was evicted, and told again. */
static void merge_stale(const struct forest_host *host, struct forest_node *node, uint64_t time_ns)
{
	if (time_ns > host->horizon_ns)
		node->flags &= (uint8_t)~NODE_STALE;
	else if (host->horizon_ns && !(node->flags & NODE_OWN))
		node->flags |= NODE_STALE;
}

bool merge_fact(struct forest_host *host, struct forest_node *node, struct draft *draft)
{
	const struct fact *fact = draft->fact;
	bool news = merge_kind(host, node, fact);

	if (draft->more) {
		node->more = draft->more;
		draft->more = NULL;
	}
	if (draft->origin)
		merge_origin(host, node, draft);
	merge_facet(node, draft, host->pool);
	if (draft->has_image)
		news |= merge_image(host, node, draft);
	if (fact->type == FACT_EXIT) {
		bool first = merge_exit(node, draft);

		host->facts[FACT_EXIT] += first;
		news |= first;
	}
	merge_stale(host, node, fact->time_ns);
	if (fact->exec_seq > node->seq_max)
		node->seq_max = fact->exec_seq;
	if (fact->ns_tgid > node->ns_tgid)
		node->ns_tgid = fact->ns_tgid;
	node->flags |= NODE_OWN;
	return news;
}
