/* SPDX-License-Identifier: Apache-2.0 */
/* Which host boot holds most of the dead: the budget is taken from it first, so that a busy host forgets its own past
 * and not that of the quiet ones. */
#ifndef CANOPY_COLLECTOR_FOREST_HEAP_H
#define CANOPY_COLLECTOR_FOREST_HEAP_H

#include "collector/forest/core.h"

/* The array has room; host_count counts the host already. */
void heap_add(struct forest *forest, struct forest_host *host);
void heap_remove(struct forest *forest, struct forest_host *host);
/* After host->spent_bytes changed. */
void heap_update(struct forest *forest, struct forest_host *host);

#endif
