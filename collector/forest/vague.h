/* SPDX-License-Identifier: Apache-2.0 */
/* Parents that are known by tgid alone (a snapshot from /proc may not know more): the process that had this tgid then.
 */
#ifndef CANOPY_COLLECTOR_FOREST_VAGUE_H
#define CANOPY_COLLECTOR_FOREST_VAGUE_H

#include "collector/forest/host.h"

/* Ties every such child to the parent that everything known now points to, or to none. Without memory for it they stay
 * as they are until the next call. */
void vague_resolve(struct forest_host *host);

#endif
