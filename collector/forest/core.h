/* SPDX-License-Identifier: Apache-2.0 */
/* The forest itself, as the files of this room see it. */
#ifndef CANOPY_COLLECTOR_FOREST_CORE_H
#define CANOPY_COLLECTOR_FOREST_CORE_H

#include "collector/forest/forest.h"
#include "collector/forest/graves.h"
#include "collector/forest/host.h"
#include "collector/forest/pool.h"

struct forest {
	struct forest_options options;
	struct pool pool;
	struct intern_table boots;          /* hosts by boot */
	struct intern_table machines;       /* machines by id */
	struct forest_host **ordered;       /* owned; hosts by name, then boot */
	struct forest_host **heap;          /* owned; hosts by spent_bytes, the greatest first */
	uint32_t host_count, host_capacity; /* of both */
	uint64_t node_count;                /* of all hosts */
	struct forest_host *touched;        /* hosts that facts came for since the last eviction */
	struct graves graves;               /* who was evicted last */
	uint64_t spent_bytes;               /* of all hosts */
	uint64_t evicted;
	bool restoring;                     /* a checkpoint is being read */
	uint64_t held_bytes;                /* of all that is held for it */
	uint64_t facts_new[5], facts_known[5];
};

#endif
