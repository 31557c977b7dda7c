/* SPDX-License-Identifier: Apache-2.0 */
/* The segment log: a folder of append-only files that holds numbered records. The sensor's spool and the collector's
 * journal are both one. On disk (every number little-endian; details in proto/seglog/format.h and docs/seglog.md):
 *
 *   00000000000000000001.seg   named by the number of its first record
 *     header: magic, version, kind, id, first record number, creation time, salt, the segment before, CRC32C; twice
 *     records: length, type, record number, CRC32C over header and payload
 *
 * Records are numbered from 1 without holes. A torn tail (a record cut by a crash) is cut off at recovery and reported;
 * damage before the tail is reported as a hole, and reading goes on at the next record that is whole.
 *
 * Nothing here knows an event loop. Appending only collects in memory; a commit writes what was collected and makes it
 * durable, and its blocking part may run on another thread, while the owner's thread goes on appending (group commit).
 *
 * When writing fails: a full disk (-ENOSPC, -EDQUOT from a write) takes nothing back and gives nothing out; what was
 * collected stays collected, and the next commit tries again, after a trim or a drop perhaps. Any other failure of a
 * write, and every failure of a sync, poisons the log, since the kernel may have dropped pages that it calls clean: it
 * accepts nothing more until it is closed and opened again. Opening syncs the newest segments, asks the kernel to drop
 * what it has cached of them, and counts what can then be read: what the disk holds, as far as the kernel follows. */
#ifndef CANOPY_PROTO_SEGLOG_SEGLOG_H
#define CANOPY_PROTO_SEGLOG_SEGLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

#define SEGLOG_RECORD_MAX (32u * 1024u * 1024u)  /* payload bytes; a length over it is damage */
#define SEGLOG_PENDING_MAX (64u * 1024u * 1024u) /* appended and not yet committed */

enum seglog_kind {
	SEGLOG_SPOOL = 1,
	SEGLOG_JOURNAL = 2,
};

struct seglog_options {
	const char *dir; /* created (mode 0700) when missing; its parent must exist */
	enum seglog_kind kind;
	/* Stored in each header: the spool's stream; must match at open. 0: take what is stored, a random one for a new log. */
	uint64_t id;
	uint64_t segment_bytes; /* a segment is sealed once it is this long */
	bool read_only;         /* for audits: nothing is repaired or created, no lock is taken; implies verify */
	/* Read every record at open; otherwise only those of the newest segment, and of the others header and length. */
	bool verify;
};

/* What opening found. */
struct seglog_recovery {
	/* Record numbers: the oldest that is held, and the one that comes next; equal when empty. */
	uint64_t first, next;
	uint64_t records, bytes;
	uint64_t torn_bytes;   /* cut off behind the last whole record */
	uint64_t holes;        /* places where records are missing or damaged, as far as was looked at (see verify) */
	uint64_t lost_records; /* record numbers that fall into holes */
	uint64_t id;           /* as stored, or as just made for a new log */
	uint64_t segments;
};

struct seglog;
struct seglog_commit;
struct seglog_sync;
struct seglog_reader;

/* Opens and recovers. Takes an exclusive flock on DIR/lock (not when read_only). Errors: -EBUSY (another process owns
 * it), -EPROTO (a file of another kind, id or newer version), or the errno of the failing call; *ret_why (may be NULL)
 * is then a malloc'ed sentence that names file, value and remedy, freed by the caller. */
int seglog_open(struct seglog **ret, const struct seglog_options *options, struct seglog_recovery *ret_recovery,
		char **ret_why);
/* Commits nothing: what was appended and not committed is gone. Nothing may be under way. Takes NULL. */
void seglog_close(struct seglog *log);

/* Removes the segments of a log that nobody has open. Errors: the errno of the failing call; some may be gone then. */
int seglog_remove(const char *dir);

/* Makes room for a record with a payload of so many bytes, so that the next append of it (or of a smaller one) succeeds
 * unless a commit is begun before. Errors: as seglog_append. */
int seglog_reserve(struct seglog *log, size_t length);
/* Collects one record; payload parts are copied. *ret_number is its number. Errors: -ENOBUFS (SEGLOG_PENDING_MAX:
 * commit first), -EMSGSIZE, -ENOMEM, or the error of an earlier failed commit (the log then accepts nothing more until
 * it is reopened). */
int seglog_append(struct seglog *log, uint8_t type, const struct bytes *parts, size_t count, uint64_t *ret_number);
size_t seglog_pending(const struct seglog *log); /* bytes collected */
/* Forgets what was collected and not committed; its numbers are given out again. -EBUSY when a commit is under way. */
int seglog_discard(struct seglog *log);

/* Group commit in three steps. begin (owner's thread) detaches what was collected, up to the end of a segment
 * (seglog_pending tells whether some is left for the next commit); -ENODATA when there is nothing, -EBUSY when one is
 * under way. run (any thread, once) writes it, and with sync makes it and everything committed before durable by
 * fdatasync. finish (owner's thread) publishes it to readers and returns run's result; *ret_durable is the highest
 * record number that is committed, set also when the commit failed. */
int seglog_commit_begin(struct seglog *log, bool sync, struct seglog_commit **ret);
void seglog_commit_run(struct seglog_commit *commit);
int seglog_commit_finish(struct seglog *log, struct seglog_commit *commit, uint64_t *ret_durable);
/* All three steps on this thread, until nothing is left to commit. */
int seglog_commit(struct seglog *log, bool sync, uint64_t *ret_durable);

/* Makes durable what was committed without sync, in the same three steps, apart from commits: both may be under way at
 * the same time. begin: -ENODATA when all is durable, -EBUSY when one is under way. */
int seglog_sync_begin(struct seglog *log, struct seglog_sync **ret);
void seglog_sync_run(struct seglog_sync *sync);
int seglog_sync_finish(struct seglog *log, struct seglog_sync *sync);

/* The next append begins a segment, unless the open one is empty. A restart in between forgets it. */
void seglog_seal(struct seglog *log);

uint64_t seglog_first(const struct seglog *log);        /* oldest record number that is held */
uint64_t seglog_next(const struct seglog *log);         /* number that the next append gets */
uint64_t seglog_durable(const struct seglog *log);      /* highest committed number, seglog_first - 1 when none */
uint64_t seglog_bytes(const struct seglog *log);        /* bytes on disk, without what is reserved in advance */
uint64_t seglog_sealed_bytes(const struct seglog *log); /* the same without the open segment */
uint64_t seglog_id(const struct seglog *log);
/* Number of the first record of the segment that holds number, or of the nearest before; 0 = none does. */
uint64_t seglog_segment_of(const struct seglog *log, uint64_t number);
/* Bytes of the segments whose first record is number or a later one. */
uint64_t seglog_bytes_from(const struct seglog *log, uint64_t number);
int seglog_error(const struct seglog *log); /* what poisoned it, or 0 */

/* Deletes sealed segments that hold only records below number. Returns 0 or -errno; *ret_bytes freed (may be NULL). */
int seglog_trim(struct seglog *log, uint64_t number, uint64_t *ret_bytes);
/* Drops the oldest segment whatever it holds; if it is the open one it is sealed first, which needs room for another's
 * header. *ret_from, *ret_to: record numbers lost. -ENODATA when nothing is held, -EBUSY when a commit to it is under
 * way. */
int seglog_drop_oldest(struct seglog *log, uint64_t *ret_from, uint64_t *ret_to);
/* The next append gets number; those between are a hole. For owners who know from elsewhere that they have been given
 * out before. Nothing may be pending or under way (-EBUSY); -EINVAL when number is below seglog_next. */
int seglog_skip(struct seglog *log, uint64_t number);

struct seglog_record {
	uint64_t number;
	uint8_t type;
	bool settled;         /* all before it was durable when it was written */
	struct bytes payload; /* borrowed until the next call on the reader */
};

enum {
	SEGLOG_E_END = 1, /* nothing committed beyond this; try again after a commit */
	SEGLOG_E_HOLE =
	    2, /* records are missing: ret->number is the next that can be read or comes; reading goes on there */
};

/* Reads committed records from number on (or from the oldest held when that is later, with SEGLOG_E_HOLE first). Any
 * number of readers; a reader keeps its open segment readable even when that is trimmed. Must be closed before the log.
 */
int seglog_reader_open(struct seglog_reader **ret, struct seglog *log, uint64_t number);
void seglog_reader_close(struct seglog_reader *reader);
/* Returns 0, SEGLOG_E_END, SEGLOG_E_HOLE or -errno. */
int seglog_reader_next(struct seglog_reader *reader, struct seglog_record *ret);

#endif
