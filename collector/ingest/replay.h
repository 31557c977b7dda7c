/* SPDX-License-Identifier: Apache-2.0 */
/* What the collector knew before it was stopped, rebuilt from the journal: forest, stream table, host descriptions. It
 * begins at the newest complete checkpoint, or at one before it when little was written since; a journal of which
 * nothing has gone yet and that is short is read from its beginning. */
#ifndef CANOPY_COLLECTOR_INGEST_REPLAY_H
#define CANOPY_COLLECTOR_INGEST_REPLAY_H

#include "collector/forest/forest.h"
#include "collector/ingest/links.h"
#include "collector/ingest/streams.h"
#include "collector/journal/journal.h"

struct replay_counts {
	uint64_t batches, facts, hosts; /* records of batches and their facts, records of host descriptions */
	uint64_t holes;                 /* places where the journal misses entries */
	uint64_t refused;               /* facts and records that the forest had no room for */
	uint64_t restored;              /* facts of processes in checkpoints */
	uint64_t from;                  /* position at which it began */
	struct journal_checkpoint checkpoint; /* the newest complete one; begin 0 = there is none */
};

/* So much is read again beyond what is needed, for the sake of those who ended lately: under a second. */
#define REPLAY_HISTORY_BYTES (64ull << 20)

/* Blocks until everything durable has been read. history_bytes: how much of the journal may be read beyond what is
 * needed. Errors: -ENOMEM or those of journal_reader_next. */
int replay_journal(struct journal *journal, struct forest *forest, struct streams *streams, struct links *links,
		   uint64_t history_bytes, struct replay_counts *ret);

#endif
