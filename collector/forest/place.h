/* SPDX-License-Identifier: Apache-2.0 */
/* Which state a process is in, and with that which list of its host: who lives, who is dead but the ancestor of someone
 * who lives, who may go. */
#ifndef CANOPY_COLLECTOR_FOREST_PLACE_H
#define CANOPY_COLLECTOR_FOREST_PLACE_H

#include "collector/forest/host.h"

/* State as everything known now decides it, and why a process is not alive though no exit came (QUALITY_EXIT_UNKNOWN,
 * QUALITY_HOST_REBOOTED). */
enum process_state place_state(const struct forest_host *host, const struct forest_node *node, uint32_t *ret_quality);

/* Before anything changes that a dead node is listed by (its end, its charge). */
void place_leave(struct forest_host *host, struct forest_node *node);
/* After anything changed: counts the node under its state, lists it where it belongs, and passes on to its ancestors
 * whether they are to be kept. */
void place_settle(struct forest_host *host, struct forest_node *node);
/* What was held for a checkpoint may be evicted. */
void place_release(struct forest_host *host);
/* After a mark or a reboot: looks at every process that counts as alive, or (when something came back) at all. */
void place_settle_live(struct forest_host *host);
void place_settle_all(struct forest_host *host);

#endif
