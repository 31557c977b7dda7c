/* SPDX-License-Identifier: Apache-2.0 */
/* Gaps of one host boot: a set, so that a gap which is told twice counts once. A host has two: what was lost, and what a
 * filter left out on request, which comes often and must never push a loss out. */
#ifndef CANOPY_COLLECTOR_FOREST_GAPS_H
#define CANOPY_COLLECTOR_FOREST_GAPS_H

#include "collector/forest/forest.h"
#include "collector/forest/memory.h"

/* Remembered to tell a repetition from news; FOREST_GAPS_MAX of them are shown. A gap that is older than all of these
 * when they are full counts for nothing: it may have been counted before. */
#define GAPS_REMEMBERED 1024u
/* Four each ten seconds at most: minutes, which is more than one sensor lags behind another; 3 KiB a host. */
#define GAPS_FILTERED_REMEMBERED 64u

struct gaps {
	struct forest_gap *items; /* owned; by to_ns, then the rest of the gap */
	uint32_t count, capacity;
	uint64_t lost[5]; /* by enum fact_type, [0] = of unknown type */
	struct forest_losses *losses; /* owned; NULL = none: few hosts ever lose anything */
};

void gaps_finish(struct gaps *gaps, struct memory *memory);
/* max: how many are remembered. Errors: -ENOMEM. */
int gaps_add(struct gaps *gaps, struct memory *memory, uint32_t max, const struct gap *gap, bool *ret_new);

#endif
