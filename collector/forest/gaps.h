/* SPDX-License-Identifier: Apache-2.0 */
/* The gaps of one host boot: a set, so that a gap which is told twice counts once. */
#ifndef CANOPY_COLLECTOR_FOREST_GAPS_H
#define CANOPY_COLLECTOR_FOREST_GAPS_H

#include "collector/forest/forest.h"
#include "collector/forest/memory.h"

/* Remembered to tell a repetition from news; FOREST_GAPS_MAX of them are shown. A gap that is older than all of these
 * when they are full counts for nothing: it may have been counted before. */
#define GAPS_REMEMBERED 1024u

struct gaps {
	struct forest_gap *items; /* owned; by to_ns, then the rest of the gap */
	uint32_t count, capacity;
	uint64_t lost[5]; /* by enum fact_type, [0] = of unknown type */
};

void gaps_finish(struct gaps *gaps, struct memory *memory);
/* Errors: -ENOMEM. */
int gaps_add(struct gaps *gaps, struct memory *memory, const struct gap *gap, bool *ret_new);

#endif
