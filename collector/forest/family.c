/* SPDX-License-Identifier: Apache-2.0 */
/* Children stand in a list by (start, tgid). They are born in that order, so tying is appending; one that comes much
 * too late is appended all the same, and the list is sorted when somebody looks: no order of arrival makes tying slow.
 */
#include "collector/forest/family.h"

#include "collector/forest/place.h"

#define WALK_MAX 16u /* steps back before sorting is put off */

/* Children that are looked at when the one that was seen last is a child no more. Of a parent with more, and of which
 * no fact tells, the youngest decide: a peer that moves children about for ever gets no long walks for it. */
#define SIGHTS_MAX 1024u

bool family_may_tie(const struct forest_node *node, struct process_key key)
{
	return key.tgid && key.start_ns && key_compare(key, node_key(node)) < 0;
}

static bool before(const struct forest_node *a, const struct forest_node *b)
{
	return key_compare(node_key(a), node_key(b)) < 0;
}

/* ---- seen through its children ----------------------------------------------------------------------------------- */

static uint64_t sight_of(const struct facet *facet, const struct forest_node *parent)
{
	return process_key_equal(facet->parent, node_key(parent)) ? facet->time_ns : 0;
}

uint64_t family_sight(const struct forest_host *host, const struct forest_node *child)
{
	const struct forest_node *parent = host_node(host, child->parent);
	uint64_t birth_ns, sight_ns = 0;

	if (!parent)
		return 0;
	birth_ns = child->flags & NODE_FORK ? child->origin_ns : 0;
	if (child->newest.mask & FACET_PARENT)
		sight_ns = sight_of(&child->newest, parent);
	for (const struct facet_link *link = child->more ? child->more->older : NULL;
	     link && !(child->newest.mask & FACET_PARENT); link = link->older) {
		if (link->facet.mask & FACET_PARENT) {
			sight_ns = sight_of(&link->facet, parent);
			break;
		}
	}
	return birth_ns > sight_ns ? birth_ns : sight_ns;
}

static void set_sight(struct forest_host *host, struct forest_node *parent, uint64_t time_ns)
{
	if (parent->place != PLACE_LIVE)
		place_leave(host, parent); /* what it is listed by changes */
	parent->newest.time_ns = time_ns;
	if (time_ns > host->horizon_ns)
		parent->flags &= (uint8_t)~NODE_STALE;
	place_settle(host, parent);
}

static void look_again(struct forest_host *host, struct forest_node *parent)
{
	uint64_t latest_ns = 0;
	unsigned steps = 0;

	family_sort(host, parent);
	for (const struct forest_node *child = host_node(host, parent->child_last); child && steps < SIGHTS_MAX;
	     child = host_node(host, child->sibling_prev), steps++) {
		uint64_t sight_ns = family_sight(host, child);

		latest_ns = sight_ns > latest_ns ? sight_ns : latest_ns;
	}
	set_sight(host, parent, latest_ns);
}

void family_witness(struct forest_host *host, struct forest_node *child, uint64_t before_ns)
{
	struct forest_node *parent = host_node(host, child->parent);
	uint64_t sight_ns;

	if (!parent || parent->flags & NODE_OWN)
		return;
	sight_ns = family_sight(host, child);
	if (sight_ns > parent->newest.time_ns)
		set_sight(host, parent, sight_ns);
	else if (sight_ns < before_ns && before_ns == parent->newest.time_ns)
		look_again(host, parent);
}

/* ---- tying ------------------------------------------------------------------------------------------------------- */

/* The sibling behind which the child is put; *ret_sorted: whether that is its place. */
static struct forest_node *place_of(const struct forest_host *host, const struct forest_node *parent,
				    const struct forest_node *child, bool *ret_sorted)
{
	struct forest_node *last = host_node(host, parent->child_last), *at = last;

	for (unsigned i = 0; at && before(child, at); i++) {
		if (i == WALK_MAX) {
			*ret_sorted = false;
			return last;
		}
		at = host_node(host, at->sibling_prev);
	}
	*ret_sorted = true;
	return at;
}

void family_tie(struct forest_host *host, struct forest_node *parent, struct forest_node *child)
{
	bool sorted;
	struct forest_node *prev = place_of(host, parent, child, &sorted);

	if (!sorted)
		parent->flags |= NODE_UNSORTED;
	child->parent = parent->ref;
	child->sibling_prev = prev ? prev->ref : 0;
	child->sibling_next = prev ? prev->sibling_next : parent->child_first;
	if (prev)
		prev->sibling_next = child->ref;
	else
		parent->child_first = child->ref;
	if (child->sibling_next)
		host_node(host, child->sibling_next)->sibling_prev = child->ref;
	else
		parent->child_last = child->ref;
	parent->child_count++;
}

static void unlink_child(struct forest_host *host, struct forest_node *parent, struct forest_node *child)
{
	if (child->sibling_prev)
		host_node(host, child->sibling_prev)->sibling_next = child->sibling_next;
	else
		parent->child_first = child->sibling_next;
	if (child->sibling_next)
		host_node(host, child->sibling_next)->sibling_prev = child->sibling_prev;
	else
		parent->child_last = child->sibling_prev;
	child->parent = child->sibling_prev = child->sibling_next = 0;
	parent->child_count--;
	if (child->flags & NODE_KEEPS)
		parent->kept_children--;
	child->flags &= (uint8_t)~NODE_KEEPS;
}

void family_drop_idle(struct forest_host *host, struct forest_node *node)
{
	if (node->flags & NODE_OWN || node->child_count)
		place_settle(host, node);
	else
		host_remove_node(host, node); /* only spoken of: it knows no parent itself */
}

void family_untie(struct forest_host *host, struct forest_node *child)
{
	struct forest_node *parent = host_node(host, child->parent);

	if (!parent)
		return;
	unlink_child(host, parent, child);
	family_drop_idle(host, parent);
}

void family_retie(struct forest_host *host, struct forest_node *child, struct forest_node *parent, uint64_t before_ns)
{
	struct forest_node *old = host_node(host, child->parent);
	bool look = old && old->child_count > 1 && !(old->flags & NODE_OWN) && before_ns == old->newest.time_ns;

	if (old == parent)
		return;
	family_untie(host, child);
	if (look)
		look_again(host, old);
	if (parent)
		family_tie(host, parent, child);
}

void family_orphan(struct forest_host *host, struct forest_node *parent)
{
	while (parent->child_first)
		unlink_child(host, parent, host_node(host, parent->child_first));
}

/* ---- sorting: a merge sort over the list, which is cheap on what is nearly in order ---------------------------------
 */

/* Merges two sorted lists of siblings, linked forward only. */
static uint32_t merge(const struct forest_host *host, uint32_t a, uint32_t b)
{
	uint32_t first = 0, *at = &first;

	while (a && b) {
		uint32_t *less = before(host_node(host, b), host_node(host, a)) ? &b : &a;

		*at = *less;
		at = &host_node(host, *less)->sibling_next;
		*less = *at;
	}
	*at = a ? a : b;
	return first;
}

/* Cuts the sorted run at the head of the list off. */
static uint32_t take_run(const struct forest_host *host, uint32_t *list)
{
	uint32_t first = *list;
	struct forest_node *node = host_node(host, first), *next;

	while ((next = host_node(host, node->sibling_next)) && !before(next, node))
		node = next;
	*list = node->sibling_next;
	node->sibling_next = 0;
	return first;
}

#define RUNS_MAX 33u /* runs[i] holds 2^i merged runs: more than node numbers can count */

static uint32_t sort(const struct forest_host *host, uint32_t list)
{
	uint32_t runs[RUNS_MAX] = {0}, sorted = 0;

	while (list) {
		uint32_t run = take_run(host, &list);
		unsigned i = 0;

		for (; runs[i]; i++) {
			run = merge(host, runs[i], run);
			runs[i] = 0;
		}
		runs[i] = run;
	}
	for (unsigned i = 0; i < RUNS_MAX; i++)
		sorted = runs[i] ? sorted ? merge(host, runs[i], sorted) : runs[i] : sorted;
	return sorted;
}

void family_sort(struct forest_host *host, struct forest_node *parent)
{
	uint32_t prev = 0;

	if (!(parent->flags & NODE_UNSORTED))
		return;
	parent->flags &= (uint8_t)~NODE_UNSORTED;
	parent->child_first = sort(host, parent->child_first);
	for (uint32_t ref = parent->child_first; ref; ref = host_node(host, ref)->sibling_next) {
		host_node(host, ref)->sibling_prev = prev;
		prev = ref;
	}
	parent->child_last = prev;
}
