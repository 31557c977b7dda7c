/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room know of each other. */
#ifndef CANOPY_COLLECTOR_FOREST_INTERNAL_H
#define CANOPY_COLLECTOR_FOREST_INTERNAL_H

#include "collector/forest/host.h"

struct text_table *forest_texts(struct forest *forest);
struct forest_node *host_node_newest(const struct forest_host *host, uint32_t tgid);

#endif
