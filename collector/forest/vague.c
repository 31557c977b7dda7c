/* SPDX-License-Identifier: Apache-2.0 */
/* Which process is meant depends on all that are known, so it is looked up when somebody looks at the tree, and anew
 * after a process has appeared. That is a pass over the host's processes, and rare: the kernel side always knows the
 * start of a parent. No index by tgid is kept for it. */
#include "collector/forest/vague.h"

#include <stdlib.h>

#include "collector/forest/family.h"
#include "collector/forest/place.h"

/* A vague child or, to be found between them, a process that may be meant. */
struct entry {
	uint32_t tgid; /* of the parent; of the process itself */
	uint64_t start_ns;
	struct forest_node *node;
	bool child;
};

static int by_tgid_and_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (int)y->child - (int)x->child; /* who started with its child did not fork it: the child comes first */
}

static size_t gather(struct forest_host *host, struct entry *entries)
{
	size_t count = 0;

	for (struct forest_node *node = timeline_at(&host->timeline, &host->slab, (struct process_key){0}); node;
	     node = timeline_after(&host->timeline, &host->slab, node_key(node))) {
		if (node->flags & NODE_OWN) /* who is only spoken of stands and falls with who spoke of him */
			entries[count++] = (struct entry){node->tgid, node->start_ns, node, false};
		if (node->flags & NODE_VAGUE)
			entries[count++] = (struct entry){node->parent_tgid, node->start_ns, node, true};
	}
	return count;
}

static void tie(struct forest_host *host, struct forest_node *child, struct forest_node *parent)
{
	if (child->parent == (parent ? parent->ref : 0))
		return;
	family_retie(host, child, parent, family_sight(host, child));
	place_settle(host, child);
	family_witness(host, child, 0);
}

/* Whether the process was there when the child's origin spoke of its parent. */
static bool was_there(const struct forest_node *parent, const struct forest_node *child)
{
	return !parent->exit || parent->exit->time_ns >= child->origin_ns;
}

void vague_resolve(struct forest_host *host)
{
	size_t max = (size_t)host->slab.used + host->vague_count, count;
	struct entry *entries = malloc(max * sizeof(*entries));
	struct forest_node *latest = NULL;

	if (!entries)
		return;
	host->vague_dirty = false;
	count = gather(host, entries);
	qsort(entries, count, sizeof(*entries), by_tgid_and_start);
	for (size_t i = 0; i < count; i++) {
		struct forest_node *node = entries[i].node;

		if (!entries[i].child) {
			latest = node;
			continue;
		}
		tie(host, node, latest && latest->tgid == entries[i].tgid && was_there(latest, node) ? latest : NULL);
	}
	free(entries);
}
