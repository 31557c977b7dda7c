/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one process. How facts change it is in merge.c, how it stands in the tree in family.c. */
#include "collector/forest/node.h"

static void release_more(struct node_more *more, struct pool *pool)
{
	while (more->older) {
		struct facet_link *link = more->older;

		more->older = link->older;
		contexts_put(&pool->contexts, link->facet.context);
		memory_free(&pool->memory, link, sizeof(*link));
	}
	if (more->inherited) {
		image_release(pool, more->inherited);
		memory_free(&pool->memory, more->inherited, sizeof(*more->inherited));
	}
	memory_free(&pool->memory, more, sizeof(*more));
}

void node_release(struct forest_node *node, struct pool *pool)
{
	texts_put(&pool->texts, node->comm);
	contexts_put(&pool->contexts, node->newest.context);
	images_destroy(node->images, pool);
	memory_free(&pool->memory, node->exit, sizeof(*node->exit));
	if (node->more)
		release_more(node->more, pool);
	node->comm = NULL;
	node->newest.context = NULL;
	node->images = NULL;
	node->exit = NULL;
	node->more = NULL;
}

size_t node_charge(const struct forest_node *node)
{
	size_t charge = sizeof(*node) + images_charge(node->images) + text_charge(node->comm);

	if (node->exit)
		charge += memory_cost(sizeof(*node->exit));
	if (node->more) {
		charge += memory_cost(sizeof(*node->more));
		for (const struct facet_link *link = node->more->older; link; link = link->older)
			charge += memory_cost(sizeof(*link));
		if (node->more->inherited)
			charge += memory_cost(0) + image_charge(node->more->inherited);
	}
	return charge;
}

struct process_key node_creator(const struct forest_node *node)
{
	return node->more && node->more->creator.tgid ? node->more->creator : node_parent_key(node);
}
