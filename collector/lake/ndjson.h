/* SPDX-License-Identifier: Apache-2.0 */
/* A lake of gzip-compressed NDJSON files below one folder:
 *
 *   DIR/class=process_activity/day=2026-11-22/hour=09/canopy-<first>-<last>-<writer>.ndjson.gz
 *
 * first and last are journal positions (20 digits), writer is drawn with the cursor. Files grow in the hidden folder
 * DIR/.canopy-<writer> and have their final name only when complete. A commit brings the rows of a run of journal
 * positions all at once: see cursor.h.
 *
 * Nothing here knows an event loop. Functions marked 'blocking' do file work and may run on another thread, one at a
 * time and while no other function is called. */
#ifndef CANOPY_COLLECTOR_LAKE_NDJSON_H
#define CANOPY_COLLECTOR_LAKE_NDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/lake/partition.h"
#include "proto/model/json.h"

struct ndjson;

/* dir: the lake, its parent must exist. state_dir: where the cursor lives, exists. bytes_max: a file of this many
 * compressed bytes is due. Touches no file of the lake, so that a lake that is out of reach does not stop its owner.
 * Errors: -ENOMEM, -EBUSY (the lake is being written with this state_dir already), or the errno of the failing call;
 * *ret_why (may be NULL) is then a sentence that the caller frees. */
int ndjson_create(struct ndjson **ret, const char *dir, const char *state_dir, uint64_t bytes_max, char **ret_why);
void ndjson_destroy(struct ndjson *sink);

/* What a journal holds now: positions from first to before next, the newest of which was received at newest_wall_ns
 * (INT64_MIN = it is empty). */
struct ndjson_journal {
	uint64_t first, next;
	int64_t newest_wall_ns;
};

/* Blocking. Opens the folder (makes it when only its last component is missing) and the cursor, drops what was begun,
 * finishes what was intended. A new cursor begins at first. One that stands beyond next speaks of records that are
 * gone; it then goes on under a new writer, since positions come again: at first when all that the journal holds is
 * newer (it was begun anew), else at next (it lost its tail). Errors: -EBADMSG (damaged cursor), -EPERM (others can
 * write the folder, it or a link to it is another user's), or the errno of the failing call. */
int ndjson_recover(struct ndjson *sink, const struct ndjson_journal *journal);
/* Whether the last recovery had to go on under a new writer. */
bool ndjson_restarted(const struct ndjson *sink);

/* First position whose rows are not in the lake. Valid after ndjson_recover. */
uint64_t ndjson_next(const struct ndjson *sink);

/* A buffer to which the caller appends one JSON document; it belongs to the sink. */
struct json *ndjson_row_begin(struct ndjson *sink, struct partition partition);
/* Ends the row. Errors: -ENOMEM (the buffer failed; drop the whole run by ndjson_recover). */
int ndjson_row_end(struct ndjson *sink);
/* All rows of position, and of everything before it, have been appended; received_wall_ns: of position. */
void ndjson_position(struct ndjson *sink, uint64_t position, int64_t received_wall_ns);

size_t ndjson_buffered(const struct ndjson *sink); /* bytes of rows that wait for ndjson_write */
bool ndjson_pending(const struct ndjson *sink);    /* positions were appended that are not committed */
bool ndjson_due(const struct ndjson *sink); /* a file is full, or so many are open that a commit should come first */

/* Blocking. Compresses buffered rows into the staged files. After any error: ndjson_recover, and read again from
 * ndjson_next. */
int ndjson_write(struct ndjson *sink);
/* Blocking. Brings everything up to the last ndjson_position into the lake: the four steps below in order. There must
 * be no row of a later position. *ret_rows: rows brought. */
int ndjson_commit(struct ndjson *sink, uint64_t *ret_rows);

/* The steps of a commit, apart only so that tests can stop between them. */
int ndjson_commit_stage(struct ndjson *sink);   /* files complete and durable under their staged names */
int ndjson_commit_intend(struct ndjson *sink);  /* the intent is durable: from here on the commit will be finished */
int ndjson_commit_publish(struct ndjson *sink); /* files under their final names, durably */
int ndjson_commit_advance(struct ndjson *sink); /* the cursor stands behind them */

#endif
