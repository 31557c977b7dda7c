/* SPDX-License-Identifier: Apache-2.0 */
/* Parents and children. */
#ifndef CANOPY_COLLECTOR_FOREST_FAMILY_H
#define CANOPY_COLLECTOR_FOREST_FAMILY_H

#include "collector/forest/host.h"

/* Whether key can be the parent of node: known by start, and older. A parent that is not would make a circle, and is
 * shown but never tied. */
bool family_may_tie(const struct forest_node *node, struct process_key key);
/* When the child was last seen with its parent as parent: at its fork, or when the newest fact that speaks of a parent
 * named this one. 0 = never, or it has no parent. */
uint64_t family_sight(const struct forest_host *host, const struct forest_node *child);
/* A parent that is only spoken of was alive when its children named it. before_ns: the child's family_sight before its
 * cells changed. Settles the parent when that changes its state. */
void family_witness(struct forest_host *host, struct forest_node *child, uint64_t before_ns);
/* Ties the child, which has no parent yet. */
void family_tie(struct forest_host *host, struct forest_node *parent, struct forest_node *child);
/* Unties the child, if it is tied. A parent that nobody else speaks of goes. */
void family_untie(struct forest_host *host, struct forest_node *child);
/* Ties the child to another parent, NULL = to none. before_ns: as for family_witness, which is to be called after. */
void family_retie(struct forest_host *host, struct forest_node *child, struct forest_node *parent, uint64_t before_ns);
/* Unties all children of a node that is about to go. */
void family_orphan(struct forest_host *host, struct forest_node *parent);
/* Removes the node if it is only there because a child spoke of it, and no child does any more. */
void family_drop_idle(struct forest_host *host, struct forest_node *node);
/* Sorts the children if they came out of order. */
void family_sort(struct forest_host *host, struct forest_node *parent);

#endif
