/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory of the dead back. The living are never evicted. */
#ifndef CANOPY_COLLECTOR_FOREST_EVICT_H
#define CANOPY_COLLECTOR_FOREST_EVICT_H

#include "collector/forest/host.h"

/* The dead ancestors of the living are kept, which a process that forks and ends for ever could make a chain without
 * end: the oldest of them go beyond this many, plus some for each that lives. */
#define EVICT_KEPT_BASE 4096u
#define EVICT_KEPT_PER_LIVE 64u

/* Makes room for the two nodes that one fact may need, when the host is at its bound, or the forest is at its own: then
 * the oldest dead of the host boot that holds most go. To be called before any node is looked up: it may be what goes. */
void evict_for_room(struct forest_host *host);

#endif
