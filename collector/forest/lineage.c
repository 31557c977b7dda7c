/* SPDX-License-Identifier: Apache-2.0 */
/* Walks up the tree. Parents are strictly older than their children, so no walk goes in a circle. */
#include "collector/forest/lineage.h"

#include "collector/forest/place.h"

#define REAPERS_MAX 64u         /* that ended one after the other while an orphan lived; more are not known */
#define INHERIT_STEPS_MAX 4096u /* forks in a row without an exec; an image from further up is not known */

/* The image that the process itself is known to have run at that time. A snapshot that stands first speaks for all the
 * time before it as well: an exec between the process's birth and its first sight would have been told, or was never
 * known. */
static bool own_image_at(const struct forest_node *node, uint64_t time_ns, const struct image **ret)
{
	struct image_shown shown[IMAGES_SHOWN_MAX];
	bool lost;
	size_t count = images_show(node->images, NULL, shown, &lost), i = count;

	while (i > 0 && shown[i - 1].image->time_ns > time_ns)
		i--;
	if (i == 0 && !(count && image_is_snapshot(shown[0].image)))
		return false;
	*ret = shown[i ? i - 1 : 0].image;
	return true;
}

bool lineage_inherited(const struct forest_host *host, const struct forest_node *node, const struct image **ret)
{
	for (unsigned steps = 0; steps < INHERIT_STEPS_MAX; steps++) {
		uint64_t birth_ns = node->origin_ns; /* of the fork */

		if (!(node->flags & NODE_FORK))
			return false;
		if (node->more && node->more->inherited) {
			*ret = node->more->inherited;
			return true;
		}
		node = host_node(host, node->parent);
		if (!node)
			return false;
		if (own_image_at(node, birth_ns, ret))
			return true;
	}
	return false;
}

bool lineage_bequeath(struct forest_host *host, struct forest_node *node)
{
	struct memory *memory = &host->pool->memory;
	const struct image *image;

	if (!lineage_inherited(host, node, &image) || (node->more && node->more->inherited))
		return true;
	if (!node->more)
		node->more = memory_zalloc(memory, sizeof(*node->more));
	if (!node->more)
		return false;
	node->more->inherited = memory_alloc(memory, sizeof(*node->more->inherited));
	if (!node->more->inherited)
		return false;
	*node->more->inherited = image_ref(image);
	return true;
}

uint32_t lineage_depth(const struct forest_host *host, const struct forest_node *node)
{
	uint32_t depth = 0;

	while ((node = host_node(host, node->parent)))
		depth++;
	return depth;
}

/* The facet that tells of the parent, NULL = none does. */
static const struct facet *parent_facet(const struct forest_node *node)
{
	if (!(node->flags & NODE_OWN))
		return NULL;
	if (node->newest.mask & FACET_PARENT)
		return &node->newest;
	for (const struct facet_link *link = node->more ? node->more->older : NULL; link; link = link->older) {
		if (link->facet.mask & FACET_PARENT)
			return &link->facet;
	}
	return NULL;
}

/* Who that is, as exactly as can be told cheaply: where the fact knows the tgid alone, the creation parent if it has
 * that tgid. */
static struct process_key exact_parent(const struct forest_host *host, const struct forest_node *node,
				       const struct facet *facet)
{
	struct process_key key = facet->parent, created = node_parent_key(node);
	const struct forest_node *tied = host_node(host, node->parent);

	if (!key.start_ns && tied && tied->tgid == key.tgid)
		return node_key(tied);
	return !key.start_ns && created.tgid == key.tgid ? created : key;
}

/* Whether the process was still there when its parent had ended, so that another took it over. */
static bool outlived(const struct forest_node *node, const struct forest_node *parent)
{
	return !node->exit || node->exit->time_ns > parent->exit->time_ns;
}

/* Gone unseen, or forgotten: whoever took its children over, nobody told. A process that no fact tells of, and that was
 * not evicted, counts as alive: only its own exit could say otherwise. */
static bool lost(const struct forest_host *host, struct process_key key, const struct forest_node *parent)
{
	uint32_t quality = 0;

	if (!parent)
		return host->horizon_ns && key.start_ns <= host->horizon_ns && key.tgid != 1;
	(void)place_state(host, parent, &quality);
	return quality & QUALITY_EXIT_UNKNOWN;
}

/* A parent that has ended said who takes its children over; so did that one, had it ended meanwhile. */
uint32_t lineage_current_parent(const struct forest_host *host, const struct forest_node *node)
{
	const struct facet *facet = parent_facet(node);
	struct process_key key;

	if (!facet)
		return 0;
	key = exact_parent(host, node, facet);
	for (unsigned steps = 0; key.start_ns && steps < REAPERS_MAX; steps++) {
		const struct forest_node *parent = host_find(host, key);

		if (!parent || !parent->exit)
			return lost(host, key, parent) ? 0 : key.tgid;
		if (!outlived(node, parent))
			return key.tgid;
		key = parent->exit->exit.reaper;
	}
	return key.tgid == 1 ? 1 : 0;
}
