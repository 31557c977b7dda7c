/* SPDX-License-Identifier: Apache-2.0 */
/* The log as its own files see it. Everything here belongs to the owner's thread; only struct seglog_commit and struct
 * seglog_sync are touched by another one, between begin and finish. */
#ifndef CANOPY_PROTO_SEGLOG_INTERNAL_H
#define CANOPY_PROTO_SEGLOG_INTERNAL_H

#include "proto/seglog/buffer.h"
#include "proto/seglog/segment.h"
#include "proto/seglog/seglog.h"

/* Sealed segments that wait for a sync and keep their file open meanwhile; one more makes the next commit sync. */
#define SEGLOG_DIRTY_MAX 8u

struct seglog {
	char *dir; /* owned */
	int dir_fd, lock_fd;
	enum seglog_kind kind;
	uint64_t id, segment_bytes;
	bool read_only;

	struct segment *segments; /* owned, by number; the last one is open */
	size_t segment_count, segment_capacity;
	uint64_t bytes; /* of all segments */
	bool dir_dirty; /* a file was made or removed since the last sync */

	struct seglog_buffer pending; /* records as they will stand on disk, their checksums not filled in */
	struct seglog_buffer spare; /* empty; saves growing anew for each commit */
	uint64_t next;
	uint64_t seal; /* this number begins a segment; 0 = none in particular */

	struct seglog_commit *commit; /* under way; borrowed */
	struct seglog_sync *sync;     /* under way; borrowed */
	int error;
};

static inline struct segment *seglog_open_segment(const struct seglog *log)
{
	return &log->segments[log->segment_count - 1];
}

/* The number behind the last committed one. */
static inline uint64_t seglog_end(const struct seglog *log)
{
	return seglog_open_segment(log)->end;
}

/* recovery.c: fills segments, id and bytes from the folder and repairs what may be repaired. */
int seglog_recover(struct seglog *log, bool verify, struct seglog_recovery *ret, char **ret_why);

/* Room for one more segment. Errors: -ENOMEM. */
int seglog_reserve_segment(struct seglog *log);
/* The header of a segment that follows previous (NULL for the first of a log). */
struct parse_header seglog_next_header(const struct seglog *log, const struct segment *previous, uint64_t first);
/* Makes a new open segment beginning at first on this thread. */
int seglog_rotate(struct seglog *log, uint64_t first);
/* Closes the files of sealed segments that are durable. */
void seglog_settle(struct seglog *log);
/* A sentence for ret_why, which may be NULL. */
void seglog_why(char **ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
