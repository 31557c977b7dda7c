/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what the collector has accepted, durable and in order. A record is an accepted Batch with the verdict of
 * the join, a host's description, or a part of a checkpoint. The forest is a function of the journal; console and lake
 * follow it with cursors of their own.
 *
 * A position is a record number; it never means anything else as long as the journal exists.
 *
 * A checkpoint is what recovery needs of everything before it. It begins a segment with a record CHECKPOINT_BEGIN; its
 * parts follow, with other records between them, up to CHECKPOINT_END, which tells where it began and how many parts
 * there are. Only one that is complete counts: all its parts and its end are there. Whoever reads the journal for the
 * sake of what happened passes over these records: they tell nothing new. */
#ifndef CANOPY_COLLECTOR_JOURNAL_JOURNAL_H
#define CANOPY_COLLECTOR_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/arena.h"
#include "proto/batch/decoder.h"
#include "proto/seglog/seglog.h"
#include "proto/wire/message.h"
#include "proto/wire/state.h"

struct journal;
struct journal_reader;

enum journal_type {
	JOURNAL_BATCH = 1,
	JOURNAL_HOST = 2,
	JOURNAL_CHECKPOINT_BEGIN = 3,
	JOURNAL_CHECKPOINT_HOST = 4,      /* a description, as in JOURNAL_HOST */
	JOURNAL_CHECKPOINT_STATE = 5,     /* a HostState */
	JOURNAL_CHECKPOINT_PROCESSES = 6, /* facts that make up processes, as a Batch: its stream is what they are, enum
					     forest_saved; its seq counts the batches of the checkpoint */
	JOURNAL_CHECKPOINT_END = 7,
};

struct journal_options {
	const char *dir;
	uint64_t segment_bytes; /* 0 = JOURNAL_SEGMENT_BYTES */
	uint64_t retain_bytes;  /* sealed segments above this total go, oldest first; 0 = keep everything */
};
#ifndef JOURNAL_SEGMENT_BYTES /* tests of crashes want many */
#define JOURNAL_SEGMENT_BYTES (64ull << 20)
#endif

/* Opens, recovers and starts committing on the loop's thread pool. Errors as seglog_open. */
int journal_open(struct journal **ret, uv_loop_t *loop, const struct journal_options *options,
		 struct seglog_recovery *ret_recovery, char **ret_why);

/* Called on the loop's thread once position and everything before it is durable, or once with the error that stopped
 * the journal (it then accepts nothing more until the collector is started anew). A full disk does not stop it: what
 * was appended waits, journal_error says -ENOSPC, and every JOURNAL_RETRY_MS it is tried again; when the disk is still
 * full at close, the error is given then. */
typedef void (*journal_durable_cb)(void *owner, uint64_t position, int error);
/* Up to JOURNAL_LISTENERS_MAX; more is our own bug. */
void journal_on_durable(struct journal *journal, journal_durable_cb cb, void *owner);
#define JOURNAL_LISTENERS_MAX 16
void journal_off_durable(struct journal *journal, journal_durable_cb cb, void *owner);

/* Listeners are told at the next turn of the loop, or when the commit under way has ended, also when nothing is appended
 * until then. */
void journal_turn_soon(struct journal *journal);

/* What of a batch (as decoded) was new to the forest: bit i of byte i / 8 for fact i, and the same for its gaps. */
struct journal_verdict {
	const uint8_t *facts, *gaps;
	size_t fact_count, gap_count;
};

/* Makes room for a batch, so that appending it in the same turn of the loop fails neither for want of memory nor because too
 * much waits for the disk: to be asked before the batch is joined. Errors as seglog_append. */
int journal_reserve_batch(struct journal *journal, size_t batch_bytes, size_t fact_count, size_t gap_count);
/* Appends; a group commit is started by itself. received_wall_ns: the collector's clock. *ret_position is not durable
 * before the callback has said so. Errors as seglog_append. */
int journal_append_batch(struct journal *journal, int64_t received_wall_ns, struct bytes batch,
			 const struct journal_verdict *verdict, uint64_t *ret_position);
int journal_append_host(struct journal *journal, int64_t received_wall_ns, const struct hello *hello,
			uint64_t *ret_position);

/* The parts of a checkpoint. begin and end carry nothing of their own; parts: records between them, other ones not
 * counted. Errors as seglog_append. */
int journal_append_begin(struct journal *journal, int64_t received_wall_ns, uint64_t *ret_position);
int journal_append_part_host(struct journal *journal, int64_t received_wall_ns, const struct hello *hello,
			     uint64_t *ret_position);
/* type: JOURNAL_CHECKPOINT_STATE or _PROCESSES; body: the message. */
int journal_append_part(struct journal *journal, enum journal_type type, int64_t received_wall_ns, struct bytes body,
			uint64_t *ret_position);
int journal_append_end(struct journal *journal, int64_t received_wall_ns, uint64_t begin, uint64_t parts,
		       uint64_t *ret_position);

/* A complete checkpoint, by the positions of its first and last record. */
struct journal_checkpoint {
	uint64_t begin, end;
	uint64_t bytes; /* that its own records take in the log */
};
/* The newest complete checkpoint whose begin lies before position (UINT64_MAX: the newest of all). Blocks: reads its
 * records, and what lies between them. Returns 0, JOURNAL_E_END (there is none) or -errno. */
int journal_find_checkpoint(struct journal *journal, uint64_t position, struct journal_checkpoint *ret);
/* Retention leaves every segment that holds position or a later one; UINT64_MAX, as it is at first: none in
 * particular. */
void journal_keep(struct journal *journal, uint64_t position);

uint64_t journal_first(const struct journal *journal);
uint64_t journal_durable(const struct journal *journal);
uint64_t journal_bytes(const struct journal *journal);
/* The same from the segment on whose first record is position or a later one. */
uint64_t journal_bytes_from(const struct journal *journal, uint64_t position);
uint64_t journal_segment_bytes(const struct journal *journal); /* at which a segment is sealed */
uint64_t journal_retain_bytes(const struct journal *journal);  /* 0 = no bound */
size_t journal_pending_bytes(const struct journal *journal); /* appended, not yet durable: what backpressure goes by */
/* 0; -ENOSPC or -EDQUOT while it waits for room on the disk; or the error that has stopped it. */
int journal_error(const struct journal *journal);
#define JOURNAL_RETRY_MS 1000u
/* Commits so far and the time they took, for the metrics. */
void journal_commit_stats(const struct journal *journal, uint64_t *ret_commits, uint64_t *ret_ns);

/* Finishes what is under way; closed is called on the loop when everything is durable (listeners have been told, or the
 * error that prevented it) and the files are shut. Appending is -ESHUTDOWN from here on. */
void journal_close(struct journal *journal, void (*closed)(void *owner), void *owner);

struct journal_entry {
	enum journal_type type;
	uint64_t position;
	int64_t received_wall_ns;
	struct batch batch;     /* JOURNAL_BATCH */
	uint32_t checksum;      /* JOURNAL_BATCH: CRC-32C of the batch's bytes as they came */
	struct journal_verdict verdict; /* as given to journal_append_batch */
	struct hello hello;     /* JOURNAL_HOST */
	/* Parts of checkpoints are decoded only for who has asked for them (journal_reader_want_checkpoints): _PROCESSES
	 * into batch, _HOST into hello. */
	struct boot_state state;   /* JOURNAL_CHECKPOINT_STATE */
	uint64_t begin, parts;     /* JOURNAL_CHECKPOINT_END */
};

static inline bool journal_is_checkpoint(const struct journal_entry *entry)
{
	return entry->type >= JOURNAL_CHECKPOINT_BEGIN;
}

enum {
	JOURNAL_E_END = 1, /* nothing durable beyond this yet */
	/* Entries are missing or not to be understood; ret->position is the next that can be read or comes. */
	JOURNAL_E_HOLE = 2,
};

/* Reads durable entries from position on. *ret lives in the arena that is given to next; -ENOMEM (memory, or the
 * arena's limit) leaves the reader where it was. Readers are closed before the journal. */
int journal_reader_open(struct journal_reader **ret, struct journal *journal, uint64_t position);
void journal_reader_close(struct journal_reader *reader);
int journal_reader_next(struct journal_reader *reader, struct arena *arena, struct journal_entry *ret);
void journal_reader_want_checkpoints(struct journal_reader *reader);

static inline bool journal_is_new(const struct journal_entry *entry, size_t fact)
{
	return entry->verdict.facts[fact / 8] >> (fact % 8) & 1;
}

static inline bool journal_is_new_gap(const struct journal_entry *entry, size_t gap)
{
	return entry->verdict.gaps[gap / 8] >> (gap % 8) & 1;
}

#endif
