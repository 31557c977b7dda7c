/* SPDX-License-Identifier: Apache-2.0 */
/* Preparing and merging are apart so that a failed allocation leaves the forest as it was. */
#include "collector/forest/draft.h"

#include <errno.h>

/* Field by field: most facts have no image, and zeroing all of it took longer than much of what is done with it. */
static void draft_begin(struct draft *draft, const struct fact *fact, uint8_t era)
{
	draft->fact = fact;
	draft->era = era;
	draft->comm = NULL;
	draft->has_image = false;
	draft->facet.context = NULL;
	draft->more = NULL;
	draft->link = NULL;
	draft->exit = NULL;
	draft->origin = false;
}

int draft_init(struct draft *draft, struct pool *pool, const struct fact *fact, uint8_t era)
{
	struct context *context = NULL;

	draft_begin(draft, fact, era);
	draft->origin_rank = fact->type == FACT_FORK ? 2 : fact->parent.tgid ? 1 : 0;
	if (contexts_get(&pool->contexts, fact->context, &context) < 0)
		return -ENOMEM;
	draft->facet = facet_make(fact, context);
	if (!image_told(fact))
		return 0;
	if (image_make(pool, fact, era, &draft->image) < 0)
		return -ENOMEM;
	draft->has_image = true;
	return 0;
}

void draft_finish(struct draft *draft, struct pool *pool)
{
	texts_put(&pool->texts, draft->comm);
	contexts_put(&pool->contexts, draft->facet.context);
	if (draft->has_image)
		image_release(pool, &draft->image);
	memory_free(&pool->memory, draft->more, sizeof(*draft->more));
	memory_free(&pool->memory, draft->link, sizeof(*draft->link));
	memory_free(&pool->memory, draft->exit, sizeof(*draft->exit));
}

/* ---- origin ------------------------------------------------------------------------------------------------------ */

/* The fork decides; without it the earliest fact that knows a parent, or the earliest at all; then content. */
static int compare_origin(const struct draft *draft, const struct forest_node *node)
{
	const struct fact *fact = draft->fact;
	struct process_key creator = fact->creator.tgid ? fact->creator : fact->parent;
	int order;

	if (draft->origin_rank != node->origin_rank)
		return draft->origin_rank > node->origin_rank ? -1 : 1;
	if (fact->time_ns != node->origin_ns)
		return fact->time_ns < node->origin_ns ? -1 : 1;
	if ((order = key_compare(fact->parent, node_parent_key(node))) ||
	    (order = key_compare(creator, node_creator(node))))
		return order;
	return bytes_compare(fact->comm, text_bytes(node->comm));
}

bool draft_decides_origin(struct draft *draft, const struct forest_node *node)
{
	draft->origin = !node || !(node->flags & NODE_OWN) || compare_origin(draft, node) < 0;
	return draft->origin;
}

/* ---- reserving --------------------------------------------------------------------------------------------------- */

static bool differs_creator(const struct fact *fact)
{
	return fact->creator.tgid && !process_key_equal(fact->creator, fact->parent);
}

/* Whether a facet will stand behind the newest one. */
static bool needs_link(const struct draft *draft, const struct forest_node *node)
{
	int order;

	if (!(node->flags & NODE_OWN))
		return false;
	order = facet_compare(&draft->facet, &node->newest);
	if (order == 0)
		return false;
	return order > 0 ? node->newest.mask & ~draft->facet.mask : draft->facet.mask & ~node->newest.mask;
}

static int reserve_more(struct draft *draft, struct pool *pool, const struct forest_node *node)
{
	bool link = needs_link(draft, node);

	if (link) {
		draft->link = memory_zalloc(&pool->memory, sizeof(*draft->link));
		if (!draft->link)
			return -ENOMEM;
	}
	if (!node->more && (link || (draft->origin && differs_creator(draft->fact)))) {
		draft->more = memory_zalloc(&pool->memory, sizeof(*draft->more));
		if (!draft->more)
			return -ENOMEM;
	}
	return 0;
}

int draft_reserve(struct draft *draft, struct pool *pool, struct forest_node *node)
{
	const struct fact *fact = draft->fact;

	if (draft->origin && texts_get_listed(&pool->texts, fact->comm, &draft->comm) < 0)
		return -ENOMEM;
	if (draft->has_image && images_reserve(&node->images, &pool->memory) < 0)
		return -ENOMEM;
	if (fact->type == FACT_EXIT && !node->exit) {
		draft->exit = memory_zalloc(&pool->memory, sizeof(*draft->exit));
		if (!draft->exit)
			return -ENOMEM;
	}
	return reserve_more(draft, pool, node);
}
