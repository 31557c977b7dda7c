/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: Batches on disk until the collector has acknowledged them. A batch's seq is its record number in the
 * segment log, the stream is the log's id; both go on over restarts of the sensor.
 *
 * Bounded: at max_bytes the oldest segment goes, and the caller is told which facts went with it. When writing fails,
 * disk full or broken, nothing but facts is lost: the oldest segment makes room, or the batch itself is given up and
 * counted. The spool never stops the sensor and never ends by itself; after a broken write or sync it reopens its
 * folder from time to time. Until that succeeds it says what it held, but nothing can be read (SPOOL_E_END); then
 * on_append is called, as if something had come.
 *
 * One thread, the loop's. Appending writes to the page cache (what is appended survives a crash of the sensor), a sync
 * on the loop's thread pool follows after at most sync_interval_ms (it then survives a power loss). */
#ifndef CANOPY_SENSOR_SPOOL_SPOOL_H
#define CANOPY_SENSOR_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/bytes.h"
#include "canopy/fact.h"
#include "proto/seglog/seglog.h"

#define SPOOL_MAX_BYTES (256ull << 20)
#define SPOOL_SEGMENT_BYTES_MAX (8ull << 20) /* what is lost at once when the spool is full */
#define SPOOL_SEGMENT_BYTES_MIN (64ull << 10)
#define SPOOL_SYNC_INTERVAL_MS 1000u
#define SPOOL_REVIVE_INTERVAL_MS 5000u /* between attempts to reopen a spool whose disk fails */

struct spool_options {
	const char *dir;             /* created when missing; its parent must exist */
	uint64_t max_bytes;          /* 0 = SPOOL_MAX_BYTES; the open segment's reserve may come on top */
	uint64_t segment_bytes;      /* 0 = a sixteenth of max_bytes, between the two bounds above */
	uint32_t sync_interval_ms;   /* 0 = SPOOL_SYNC_INTERVAL_MS */
	uint32_t revive_interval_ms; /* 0 = SPOOL_REVIVE_INTERVAL_MS */
};

enum {
	SPOOL_E_END = 1, /* read: nothing at or behind seq yet */
	/* Append: disk or memory did not take the batch; its facts stand in *ret_dropped, its seq goes to the next
	   batch. */
	SPOOL_E_REFUSED = 2,
};

struct spool;

/* Errors and *ret_why as seglog_open. ret_recovery may be NULL. */
int spool_open(struct spool **ret, uv_loop_t *loop, const struct spool_options *options,
	       struct seglog_recovery *ret_recovery, char **ret_why);
/* Syncs, closes, then calls closed on the loop and is gone. Nothing else may be called from here on. */
void spool_close(struct spool *spool, void (*closed)(void *owner), void *owner);

/* Begins a new stream, numbered from 1 on: the folder was set back, and numbers of the old one are taken. What was not
 * acknowledged is dropped, and told with the next append. Errors: -EBUSY (a sync is under way; try again), or those of
 * seglog_drop_oldest and seglog_remove; then the old stream stays, and its numbers go on. A folder that cannot be opened
 * afterwards is none: the new stream has begun, spool_error tells, and batches are refused until it can be. */
int spool_renew(struct spool *spool);

uint64_t spool_stream(const struct spool *spool);
uint64_t spool_next_seq(const struct spool *spool); /* the seq that a batch must carry to be appended next */

/* Appends one encoded batch whose seq is spool_next_seq; it can be read at once. Sets *ret_was_dropped; when true,
 * facts were lost since the last call (to the bound, a full or failing disk, or damage found while reading), and
 * *ret_dropped is to go into the next batch: its reason says which, count is 0 when it is not known, from_ns and to_ns
 * are 0 when the facts are of an earlier boot or unknown. Returns 0, SPOOL_E_REFUSED, or -EMSGSIZE or
 * -ESHUTDOWN (closing). Both outputs are also set with SPOOL_E_REFUSED. */
int spool_append(struct spool *spool, const uint8_t *batch, size_t len, struct gap *ret_dropped, bool *ret_was_dropped);

/* The next batch that is held at or behind seq, acknowledged or not: 0 or SPOOL_E_END or -errno. ret is borrowed until
 * the next call on the spool. Reading on at *ret_seq + 1 is cheap. */
int spool_read(struct spool *spool, uint64_t seq, struct bytes *ret, uint64_t *ret_seq);

/* Everything up to seq is durable at the collector. The position is saved lazily: its loss costs only sending again. */
void spool_ack(struct spool *spool, uint64_t seq);

uint64_t spool_first_unacked(
    const struct spool *spool); /* oldest seq that is held and not acknowledged; spool_next_seq when there is none */
uint64_t spool_batches(const struct spool *spool); /* held and not acknowledged */
uint64_t spool_bytes(const struct spool *spool);   /* of those, by the average size of what is on disk */
uint64_t
spool_dropped_batches(const struct spool *spool); /* lost since the sensor started: dropped, refused or damaged */
int spool_error(const struct spool *spool);       /* what keeps it from writing just now, or 0 */

/* Called on the loop's thread after each append, and when a spool that failed can be read again. One listener; NULL
 * takes it away. */
void spool_on_append(struct spool *spool, void (*cb)(void *owner), void *owner);

#endif
