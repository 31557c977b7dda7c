/* SPDX-License-Identifier: Apache-2.0 */
/* One batch into the forest, the same way when it arrives and when the journal is replayed. */
#ifndef CANOPY_COLLECTOR_INGEST_APPLY_H
#define CANOPY_COLLECTOR_INGEST_APPLY_H

#include <stdint.h>

#include "collector/forest/forest.h"
#include "collector/ingest/streams.h"
#include "proto/batch/decoder.h"

struct apply_counts {
	uint64_t facts_new[5], facts_known[5]; /* by enum fact_type */
	uint64_t facts_refused;                /* the forest had no room; a gap of the host tells it */
};

/* What was new, one bit each; zeroed, (count + 7) / 8 bytes. */
struct apply_verdict {
	uint8_t *facts, *gaps;
};

/* Joins facts, gaps and marks. verdict may be NULL. What the forest has no room for counts as new, since sinks can
 * still take it. */
void apply_batch(struct forest *forest, struct forest_host *host, const struct batch *batch,
		 const struct apply_verdict *verdict, struct apply_counts *counts);

/* Batches between what entry has taken and this one are missing. */
void apply_sequence_gap(struct forest *forest, struct forest_host *host, const struct stream_entry *entry,
			const struct batch *batch);

/* Boottime of the newest fact, 0 when the batch has none. */
uint64_t apply_newest(const struct batch *batch);

#endif
