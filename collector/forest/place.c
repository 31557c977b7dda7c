/* SPDX-License-Identifier: Apache-2.0 */
/* The state is a function of the cells and of the host; it is stored only to be counted. A node keeps its parent when
 * it lives or keeps a child itself, so that ancestry passes through the dead for as long as someone below lives. */
#include "collector/forest/place.h"

#include "collector/forest/heap.h"

/* Exits come nearly in order. One that comes later than this many others is listed as if it had ended with the last of
 * these: it stays a little longer, and nobody can make us walk the list. */
#define WALK_MAX 64u

/* A completed snapshot would have listed it, or a child of it would have named it (family_witness). */
static bool missed(const struct forest_host *host, const struct forest_node *node)
{
	return node->start_ns < host->snapshot_ns && node->newest.time_ns < host->snapshot_ns;
}

enum process_state place_state(const struct forest_host *host, const struct forest_node *node, uint32_t *ret_quality)
{
	*ret_quality = 0;
	if (node->exit)
		return PROCESS_EXITED;
	if (host->rebooted)
		*ret_quality |= QUALITY_HOST_REBOOTED;
	if (node->flags & (NODE_STALE | NODE_ZOMBIE) || missed(host, node))
		*ret_quality |= QUALITY_EXIT_UNKNOWN;
	return *ret_quality ? PROCESS_UNKNOWN : PROCESS_LIVE;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void list_remove(struct forest_host *host, struct forest_node *node)
{
	struct node_list *list = &host->places[node->place];

	if (node->place_prev)
		host_node(host, node->place_prev)->place_next = node->place_next;
	else
		list->first = node->place_next;
	if (node->place_next)
		host_node(host, node->place_next)->place_prev = node->place_prev;
	else
		list->last = node->place_prev;
	node->place_prev = node->place_next = 0;
	list->count--;
}

/* Behind before; NULL = at the front. */
static void list_put(struct forest_host *host, struct forest_node *node, enum node_place place, struct forest_node *before)
{
	struct node_list *list = &host->places[place];

	node->place_prev = before ? before->ref : 0;
	node->place_next = before ? before->place_next : list->first;
	if (before)
		before->place_next = node->ref;
	else
		list->first = node->ref;
	if (node->place_next)
		host_node(host, node->place_next)->place_prev = node->ref;
	else
		list->last = node->ref;
	list->count++;
	node->place = (uint8_t)place;
}

static void list_insert(struct forest_host *host, struct forest_node *node, enum node_place place)
{
	struct forest_node *before = host_node(host, host->places[place].last);

	for (unsigned i = 0; place != PLACE_LIVE && before && i < WALK_MAX && node_end_ns(before) > node_end_ns(node);
	     i++)
		before = host_node(host, before->place_prev);
	list_put(host, node, place, before);
}

static void add_spent(struct forest_host *host, int64_t charge)
{
	host->spent_bytes += (uint64_t)charge;
	host->forest->spent_bytes += (uint64_t)charge;
	heap_update(host->forest, host);
}

static void add_held(struct forest_host *host, int64_t charge)
{
	host->held_bytes += (uint64_t)charge;
	host->forest->held_bytes += (uint64_t)charge;
}

void place_leave(struct forest_host *host, struct forest_node *node)
{
	if (node->place == PLACE_NONE)
		return;
	if (node->place == PLACE_SPENT)
		add_spent(host, -(int64_t)node_charge(node));
	else if (node->place == PLACE_HELD)
		add_held(host, -(int64_t)node_charge(node));
	list_remove(host, node);
	node->place = PLACE_NONE;
}

static void enter(struct forest_host *host, struct forest_node *node, enum node_place place)
{
	if (node->place == place)
		return;
	place_leave(host, node);
	list_insert(host, node, place);
	if (place == PLACE_SPENT)
		add_spent(host, (int64_t)node_charge(node));
	else if (place == PLACE_HELD)
		add_held(host, (int64_t)node_charge(node));
}

/* Whoever began before what has been told since the checkpoint did may have children in the rest of it. */
static bool is_held(const struct forest_host *host, const struct forest_node *node)
{
	return host->forest->restoring && (host->told_from_ns == 0 || node->start_ns < host->told_from_ns);
}

static enum node_place choose(const struct forest_host *host, const struct forest_node *node, enum process_state state)
{
	if (state == PROCESS_LIVE)
		return PLACE_LIVE;
	if (node->kept_children)
		return PLACE_KEPT;
	return is_held(host, node) ? PLACE_HELD : PLACE_SPENT;
}

/* Whether the parent's kept_children changed. */
static bool tell_parent(struct forest_node *node, struct forest_node *parent, bool keeps)
{
	if (!parent || keeps == !!(node->flags & NODE_KEEPS))
		return false;
	node->flags ^= NODE_KEEPS;
	parent->kept_children += keeps ? 1 : UINT32_MAX;
	return true;
}

void place_settle(struct forest_host *host, struct forest_node *node)
{
	struct forest_node *parent;
	enum process_state state;
	enum node_place place;
	uint32_t quality;

	do {
		state = place_state(host, node, &quality);
		host->states[node->state]--;
		host->states[state]++;
		node->state = (uint8_t)state;
		place = choose(host, node, state);
		enter(host, node, place);
		parent = host_node(host, node->parent);
	} while (tell_parent(node, parent, place == PLACE_LIVE || place == PLACE_KEPT) && (node = parent));
}

void place_release(struct forest_host *host)
{
	struct forest_node *node = host_node(host, host->places[PLACE_HELD].first), *next;
	struct forest_node *later = host_node(host, host->places[PLACE_SPENT].first), *before = NULL;
	int64_t charge = 0;

	for (; node; node = next) {
		next = host_node(host, node->place_next);
		for (; later && node_end_ns(later) <= node_end_ns(node); later = host_node(host, later->place_next))
			before = later;
		list_remove(host, node);
		list_put(host, node, PLACE_SPENT, before);
		before = node;
		charge += (int64_t)node_charge(node);
	}
	add_held(host, -charge);
	add_spent(host, charge);
}

void place_settle_live(struct forest_host *host)
{
	struct forest_node *stays = NULL, *node; /* the last one that was seen to live on: its links hold */

	while ((node = host_node(host, stays ? stays->place_next : host->places[PLACE_LIVE].first))) {
		place_settle(host, node); /* takes dead ancestors out of the list as well */
		if (node->place == PLACE_LIVE)
			stays = node;
	}
}

void place_settle_all(struct forest_host *host)
{
	struct process_key key = {0};
	struct forest_node *node = timeline_at(&host->timeline, &host->slab, key);

	while (node) {
		place_settle(host, node);
		node = timeline_after(&host->timeline, &host->slab, node_key(node));
	}
}
