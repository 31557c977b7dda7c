/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of the journal: what recovery needs of everything before, written now and then, a little at a time.
 *
 * While one is being written facts go on coming. That does no harm: whoever replays begins where the checkpoint begins,
 * and joining is the same in any order. A host boot's state (streams, counts) is one record, so it is of one moment, and
 * counts for that moment.
 *
 * The work is done on the loop's thread, a slice for each commit of the journal, which the slice then starts itself: so the disk sets the pace, and an
 * ack never waits for more than one slice. A slice ends by time or when much waits for the disk, behind the process that it is at: that is told
 * in one go. Where much is told meanwhile slices take a third of the time, so that little comes behind a checkpoint and a restart is soon over. */
#ifndef CANOPY_COLLECTOR_INGEST_CHECKPOINT_H
#define CANOPY_COLLECTOR_INGEST_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/forest/forest.h"
#include "collector/ingest/links.h"
#include "collector/ingest/streams.h"
#include "collector/journal/journal.h"
#include "proto/batch/encoder.h"

#define CHECKPOINT_SLICE_MIN_NS 2000000u
#define CHECKPOINT_SLICE_MAX_NS 100000000u       /* only where it is urgent: commits take as long then */
/* Bytes that wait for the disk: with more of them the slice is left out, or ends. Where it is urgent, more than hosts alone can make wait
 * (INGEST_PENDING_HIGH and a batch), so that they keep no checkpoint back, and less than there is room for. */
#define CHECKPOINT_PENDING_MAX (1u << 20)
#define CHECKPOINT_URGENT_PENDING_MAX (16u << 20)
#define CHECKPOINT_URGENT_PART 8u                /* of a segment that others have written since it began */
/* Of the dead those are in a checkpoint that ended so short a time before: what a second sensor that lags behind says of
 * them after a restart is then known, not news. */
#define CHECKPOINT_RECENT_NS 10000000000u
#define CHECKPOINT_RETRY_NS 10000000000u /* after one that failed */
/* Batches of facts that are being filled: facts of one kind and wall clock go together. */
#define CHECKPOINT_BATCHES 4u

/* A batch that is being filled. */
struct checkpoint_batch {
	struct batch_encoder *encoder; /* owned; made when it is needed */
	unsigned saved;
	int64_t offset_ns;
	uint64_t used; /* the one that was used longest ago gives way */
};

struct checkpoint {
	struct forest *forest; /* these four borrowed */
	struct journal *journal;
	struct streams *streams;
	struct links *links;
	/* the one that is being written */
	bool active;
	struct boot_id *boots; /* owned: the host boots that there were when it began */
	size_t boot_count, at;
	bool begun;              /* boots[at]: its state is written */
	uint64_t since_ns;       /* and the dead from then on are to be */
	bool walked;             /* and its processes up to this one */
	struct process_key last;
	uint64_t begin, end, parts, sequence; /* end: position, 0 = not yet written */
	uint64_t sliced_ns;                   /* when it began, or its last slice ended; by uv_hrtime */
	uint64_t bytes;                       /* that its records take in the journal */
	uint64_t deadline_ns, pending_max;    /* of the slice */
	struct checkpoint_batch batches[CHECKPOINT_BATCHES];
	uint64_t uses;
	struct arena arena;
	/* the newest complete one; bytes 0 = none */
	struct journal_checkpoint newest;
	uint64_t retry_ns;           /* not before then, by uv_hrtime */
	uint64_t written, failures;  /* so far */
};

void checkpoint_init(struct checkpoint *checkpoint, struct forest *forest, struct journal *journal,
		     struct streams *streams, struct links *links);
void checkpoint_finish(struct checkpoint *checkpoint); /* takes zeroed ones */

/* After recovery: the newest complete one in the journal, NULL = there is none. */
void checkpoint_recovered(struct checkpoint *checkpoint, const struct journal_checkpoint *newest);
/* Everything up to position has become durable: begins one if it is due, writes a slice, and counts one as complete whose
 * end is durable. */
void checkpoint_turn(struct checkpoint *checkpoint, uint64_t position);

#endif
