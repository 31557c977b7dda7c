/* SPDX-License-Identifier: Apache-2.0 */
/* One fact on its way into its node: everything that can fail is done here, before anything of the node changes. */
#ifndef CANOPY_COLLECTOR_FOREST_DRAFT_H
#define CANOPY_COLLECTOR_FOREST_DRAFT_H

#include "collector/forest/host.h"

struct draft {
	const struct fact *fact;
	struct text *comm; /* references held until they are merged */
	bool has_image;
	struct image image; /* when it has one */
	struct facet facet;     /* holds the context */
	struct node_more *more; /* memory that merging may need */
	struct facet_link *link;
	struct node_exit *exit;
	uint8_t origin_rank;
	uint8_t era; /* by which clock it was told */
	bool origin; /* the fact decides the node's origin */
};

/* Interns what the fact holds. era: by which clock it was told. Errors: -ENOMEM; draft_finish is due then, too. */
int draft_init(struct draft *draft, struct pool *pool, const struct fact *fact, uint8_t era);
/* Whether this fact decides the node's origin; node NULL = it is new. Remembered in the draft. */
bool draft_decides_origin(struct draft *draft, const struct forest_node *node);
/* Gets the memory that merging into the node needs. Errors: -ENOMEM. */
int draft_reserve(struct draft *draft, struct pool *pool, struct forest_node *node);
/* Gives back what is left; the draft is over. */
void draft_finish(struct draft *draft, struct pool *pool);

#endif
