/* SPDX-License-Identifier: Apache-2.0 */
/* Merging a prepared fact into the cells of its node. Never fails. */
#ifndef CANOPY_COLLECTOR_FOREST_MERGE_H
#define CANOPY_COLLECTOR_FOREST_MERGE_H

#include "collector/forest/draft.h"

/* Takes out of the draft what the node keeps. Whether the origin changed stands in draft->origin; tying the node to its
 * parent is the caller's. Returns whether the fact was news. The node may be listed among the dead no more
 * (place_leave). */
bool merge_fact(struct forest_host *host, struct forest_node *node, struct draft *draft);

#endif
