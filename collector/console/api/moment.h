/* SPDX-License-Identifier: Apache-2.0 */
/* A process as it was when a fact was said about it. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_MOMENT_H
#define CANOPY_COLLECTOR_CONSOLE_API_MOMENT_H

#include "canopy/arena.h"
#include "collector/forest/forest.h"

/* node may be NULL (evicted since): the fact alone then tells. What must be built lies in the arena. Errors: -ENOMEM.
 */
int moment_view(const struct forest_host *host, const struct forest_node *node, const struct fact *fact,
		int64_t boottime_to_wall_ns, struct arena *arena, struct process_view *ret);

#endif
