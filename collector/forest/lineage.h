/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has from its ancestors: its inherited image, its current parent, its depth. Derived when asked, so
 * that nothing derived can be stale. */
#ifndef CANOPY_COLLECTOR_FOREST_LINEAGE_H
#define CANOPY_COLLECTOR_FOREST_LINEAGE_H

#include "collector/forest/host.h"

/* The image that the process had when it was born; false = unknown. *ret borrows from the forest. */
bool lineage_inherited(const struct forest_host *host, const struct forest_node *node, const struct image **ret);
/* Copies it into the node, whose parent is about to go. Returns false without memory. The node is not listed among the
 * dead (place_leave). */
bool lineage_bequeath(struct forest_host *host, struct forest_node *node);
/* Known ancestors. */
uint32_t lineage_depth(const struct forest_host *host, const struct forest_node *node);
/* Who its parent is now, 0 = unknown. */
uint32_t lineage_current_parent(const struct forest_host *host, const struct forest_node *node);

#endif
