/* SPDX-License-Identifier: Apache-2.0 */
/* The table of streams: which batches of (boot, stream) have been taken, so that none is taken twice. It is rebuilt
 * from the journal at start. The boot is part of the key because a cloned disk carries one spool to two machines. */
#ifndef CANOPY_COLLECTOR_INGEST_STREAMS_H
#define CANOPY_COLLECTOR_INGEST_STREAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "canopy/arena.h"
#include "canopy/identity.h"
#include "collector/ingest/index.h"
#include "proto/wire/state.h"

#define STREAMS_PER_BOOT_MAX 64u        /* one for each life of a spool; the one unused for longest gives way */
#define STREAM_CHECKSUMS 64u            /* newest batches whose content is remembered: twice the window of a session */
#define STREAM_SEQ_MAX (UINT64_MAX / 2) /* nobody counts that far: a sequence number above it is made up */

struct stream_entry {
	struct index_node node;
	TAILQ_ENTRY(stream_entry) by_use;
	struct stream_boot *of;
	uint32_t users; /* peers and batches under way that point here: while there are any it stays */
	uint64_t stream;
	uint64_t first;   /* seq of the first batch known */
	uint64_t next;    /* seq that comes next */
	uint64_t durable; /* every batch taken up to here is durable; 0 = none */
	uint64_t last_ns; /* boottime of the newest fact taken; where a gap begins */
	struct {
		uint64_t seq; /* 0 = none */
		uint32_t checksum;
	} contents[STREAM_CHECKSUMS]; /* by seq modulo */
};

/* The streams of one boot. */
struct stream_boot {
	struct index_node node;
	struct boot_id boot;
	uint32_t count;
	TAILQ_HEAD(, stream_entry) by_use; /* the one unused for longest first; entries are owned */
};

struct streams {
	struct index entries; /* of struct stream_entry */
	struct index boots;   /* of struct stream_boot, owned; for each host boot of the forest that has brought a batch or has said
				 hello */
};

enum stream_verdict {
	STREAM_NEW,       /* take it */
	STREAM_GAP,       /* take it; batches between the last one and this are missing */
	STREAM_DUPLICATE, /* it was taken before */
	STREAM_CONFLICT,  /* another batch with this number was taken: two machines share boot and spool */
};

void streams_init(struct streams *streams);
void streams_finish(struct streams *streams);

/* NULL when it is not known. */
struct stream_entry *streams_find(const struct streams *streams, const struct boot_id *boot, uint64_t stream);
/* Makes it when it is new; an unused one of the same boot may go for it. Errors: -ENOMEM, -ENOSPC
 * (STREAMS_PER_BOOT_MAX, all in use). */
int streams_get(struct streams *streams, const struct boot_id *boot_id, uint64_t stream, struct stream_entry **ret);

/* Whether a peer or a batch under way points to a stream of the boot. */
bool streams_in_use(const struct streams *streams, const struct boot_id *boot);
/* Forgets all streams of the boot, none of which is in use. */
void streams_forget(struct streams *streams, const struct boot_id *boot);

/* How a batch stands to what was taken; changes nothing. checksum: CRC-32C of its bytes. */
enum stream_verdict stream_judge(const struct stream_entry *entry, uint64_t seq, uint32_t checksum);
/* The batch was taken. newest_ns: boottime of its newest fact, 0 = it has none. */
void stream_take(struct stream_entry *entry, uint64_t seq, uint64_t newest_ns);
void stream_remember(struct stream_entry *entry, uint64_t seq, uint32_t checksum);

/* The streams of a boot, into an array of the arena. Errors: -ENOMEM. */
int streams_save(const struct streams *streams, const struct boot_id *boot, struct arena *arena,
		 struct boot_state *state);
/* Everything that the state says was taken is durable; its content is not known. Errors: -ENOMEM, -ENOSPC. */
int streams_restore(struct streams *streams, const struct boot_state *state);

#endif
