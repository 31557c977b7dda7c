/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit on the thread pool: the appends of one turn of the loop go together, what comes while they are written
 * forms the next group. So the groups grow with the load, and one fdatasync serves as many batches as came during the
 * one before.
 *
 * An idle handle starts a commit, because the loop runs it right after the sockets have been read, and does not sleep
 * while it is active. */
#include "collector/journal/internal.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "collector/journal/entry.h"
#include "proto/wire/frame.h"

#define JOURNAL_HANDLES 2u

struct journal_reader {
	struct seglog_reader *reader;
	struct seglog_record held; /* borrowed from reader: read, and not yet given out */
	bool holding;
	bool checkpoints; /* are decoded */
};

static void start_commit(struct journal *journal);

static void on_idle(uv_idle_t *idle)
{
	start_commit(idle->data);
}

static void commit_soon(struct journal *journal)
{
	if (!journal->commit && !uv_is_active((uv_handle_t *)&journal->retry))
		(void)uv_idle_start(&journal->idle, on_idle);
}

/* Listeners may take themselves or others away, and append. */
static void tell(struct journal *journal, uint64_t position, int error)
{
	for (size_t i = 0; i < JOURNAL_LISTENERS_MAX; i++)
		if (journal->listeners[i].cb)
			journal->listeners[i].cb(journal->listeners[i].owner, position, error);
}

static void handle_closed(uv_handle_t *handle)
{
	struct journal *journal = handle->data;
	void (*closed)(void *owner) = journal->closed;
	void *owner = journal->closed_owner;

	if (--journal->open_handles > 0)
		return;
	seglog_close(journal->log);
	free(journal);
	closed(owner);
}

static void close_handles(struct journal *journal)
{
	if (uv_is_closing((uv_handle_t *)&journal->idle))
		return;
	uv_close((uv_handle_t *)&journal->idle, handle_closed);
	uv_close((uv_handle_t *)&journal->retry, handle_closed);
}

static void stop(struct journal *journal, int error)
{
	if (journal->stopped)
		return;
	journal->error = error;
	journal->stopped = true;
	tell(journal, journal_durable(journal), error);
}

static void on_retry(uv_timer_t *timer)
{
	start_commit(timer->data);
}

/* Nothing was to be committed. */
static void turn(struct journal *journal)
{
	bool wanted = journal->turn && !journal->closed && !journal->stopped;

	journal->turn = false;
	if (wanted)
		tell(journal, journal_durable(journal), 0);
}

/* What is next after a commit, or instead of one. */
static void go_on(struct journal *journal, int error)
{
	if (error == 0 && seglog_pending(journal->log)) {
		start_commit(journal);
	} else if (journal->closed) {
		if (error)
			stop(journal, error);
		close_handles(journal);
	} else if (error && !journal->stopped) {
		(void)uv_timer_start(&journal->retry, on_retry, JOURNAL_RETRY_MS, 0);
	}
}

static void retain(struct journal *journal)
{
	uint64_t from, to;

	while (journal->retain_bytes && seglog_sealed_bytes(journal->log) > journal->retain_bytes &&
	       seglog_first(journal->log) < seglog_segment_of(journal->log, journal->keep))
		if (seglog_drop_oldest(journal->log, &from, &to) < 0)
			return;
}

static void commit_run(uv_work_t *work)
{
	struct journal *journal = work->data;

	seglog_commit_run(journal->commit);
}

static void commit_done(uv_work_t *work, int status)
{
	struct journal *journal = work->data;
	uint64_t durable = 0;
	int r = seglog_commit_finish(journal->log, journal->commit, &durable);

	(void)status; /* never cancelled */
	journal->commit = NULL;
	journal->commit_bytes = 0;
	journal->turn = false;
	journal->commits++;
	journal->commit_ns += uv_hrtime() - journal->commit_started_ns;
	if (r == 0) {
		journal->error = 0;
		retain(journal);
		tell(journal, durable, 0);
	} else if (seglog_error(journal->log)) {
		stop(journal, r);
	} else {
		journal->error = r;
	}
	/* A listener may have closed the journal, which commits at once what it has appended before. */
	if (!journal->commit)
		go_on(journal, r);
}

static void start_commit(struct journal *journal)
{
	size_t pending = seglog_pending(journal->log);
	int r;

	(void)uv_idle_stop(&journal->idle);
	r = seglog_commit_begin(journal->log, true, &journal->commit);
	if (r < 0) {
		go_on(journal, r == -ENODATA ? 0 : r);
		if (r == -ENODATA)
			turn(journal);
		return;
	}
	journal->commit_bytes = pending - seglog_pending(journal->log);
	journal->commit_started_ns = uv_hrtime();
	(void)uv_queue_work(journal->loop, &journal->work, commit_run,
			    commit_done); /* refuses only a missing callback */
}

int journal_open(struct journal **ret, uv_loop_t *loop, const struct journal_options *options,
		 struct seglog_recovery *ret_recovery, char **ret_why)
{
	struct seglog_options log_options = {
	    .dir = options->dir,
	    .kind = SEGLOG_JOURNAL,
	    .segment_bytes = options->segment_bytes ? options->segment_bytes : JOURNAL_SEGMENT_BYTES,
	};
	struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return -ENOMEM;
	journal->loop = loop;
	journal->retain_bytes = options->retain_bytes;
	journal->segment_bytes = log_options.segment_bytes;
	journal->keep = UINT64_MAX;
	r = seglog_open(&journal->log, &log_options, ret_recovery, ret_why);
	if (r < 0) {
		free(journal);
		return r;
	}
	/* Neither fails: they only fill in the handle. */
	(void)uv_idle_init(loop, &journal->idle);
	(void)uv_timer_init(loop, &journal->retry);
	journal->open_handles = JOURNAL_HANDLES;
	journal->idle.data = journal->retry.data = journal->work.data = journal;
	*ret = journal;
	return 0;
}

void journal_close(struct journal *journal, void (*closed)(void *owner), void *owner)
{
	assert(!journal->closed);
	journal->closed = closed;
	journal->closed_owner = owner;
	(void)uv_idle_stop(&journal->idle);
	(void)uv_timer_stop(&journal->retry);
	if (!journal->commit)
		start_commit(journal);
}

void journal_on_durable(struct journal *journal, journal_durable_cb cb, void *owner)
{
	size_t i = 0;

	while (i < JOURNAL_LISTENERS_MAX && journal->listeners[i].cb)
		i++;
	assert(i < JOURNAL_LISTENERS_MAX);
	journal->listeners[i] = (struct listener){cb, owner};
}

void journal_off_durable(struct journal *journal, journal_durable_cb cb, void *owner)
{
	for (size_t i = 0; i < JOURNAL_LISTENERS_MAX; i++)
		if (journal->listeners[i].cb == cb && journal->listeners[i].owner == owner)
			journal->listeners[i] = (struct listener){0};
}

void journal_turn_soon(struct journal *journal)
{
	journal->turn = true;
	commit_soon(journal);
}

static int append(struct journal *journal, enum journal_type type, const struct bytes *parts, size_t count,
		  uint64_t *ret_position)
{
	int r;

	if (journal->closed || journal->stopped)
		return journal->stopped ? journal->error : -ESHUTDOWN;
	r = seglog_append(journal->log, (uint8_t)type, parts, count, ret_position);
	if (r == 0)
		commit_soon(journal);
	return r;
}

int journal_reserve_batch(struct journal *journal, size_t batch_bytes, size_t fact_count, size_t gap_count)
{
	if (journal->closed || journal->stopped)
		return journal->stopped ? journal->error : -ESHUTDOWN;
	return seglog_reserve(journal->log, sizeof(struct entry_header) + batch_bytes + entry_bits_bytes(fact_count) +
						entry_bits_bytes(gap_count));
}

int journal_append_batch(struct journal *journal, int64_t received_wall_ns, struct bytes batch,
			 const struct journal_verdict *verdict, uint64_t *ret_position)
{
	struct entry_header header = entry_header_make(received_wall_ns, batch.len, verdict->fact_count);
	struct bytes parts[] = {bytes_make(&header, sizeof(header)), batch,
				bytes_make(verdict->facts, entry_bits_bytes(verdict->fact_count)),
				bytes_make(verdict->gaps, entry_bits_bytes(verdict->gap_count))};

	return append(journal, JOURNAL_BATCH, parts, sizeof(parts) / sizeof(parts[0]), ret_position);
}

static int append_hello(struct journal *journal, enum journal_type type, int64_t received_wall_ns,
			const struct hello *hello, uint64_t *ret_position)
{
	struct message message = {.type = MESSAGE_HELLO, .hello = *hello};
	struct entry_header header;
	struct bytes parts[2];
	uint8_t *frame;
	size_t len;
	int r = message_encode(&message, false, &frame, &len);

	if (r < 0)
		return r;
	/* The frame's header is for a stream; here the record's length and checksum take its place. */
	assert(len >= FRAME_HEADER_BYTES && frame[0] == 0);
	parts[1] = bytes_make(frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES);
	header = entry_header_make(received_wall_ns, parts[1].len, 0);
	parts[0] = bytes_make(&header, sizeof(header));
	r = append(journal, type, parts, sizeof(parts) / sizeof(parts[0]), ret_position);
	free(frame);
	return r;
}

int journal_append_host(struct journal *journal, int64_t received_wall_ns, const struct hello *hello,
			uint64_t *ret_position)
{
	return append_hello(journal, JOURNAL_HOST, received_wall_ns, hello, ret_position);
}

int journal_append_part_host(struct journal *journal, int64_t received_wall_ns, const struct hello *hello,
			     uint64_t *ret_position)
{
	return append_hello(journal, JOURNAL_CHECKPOINT_HOST, received_wall_ns, hello, ret_position);
}

int journal_append_part(struct journal *journal, enum journal_type type, int64_t received_wall_ns, struct bytes body,
			uint64_t *ret_position)
{
	struct entry_header header = entry_header_make(received_wall_ns, body.len, 0);
	struct bytes parts[] = {bytes_make(&header, sizeof(header)), body};

	return append(journal, type, parts, sizeof(parts) / sizeof(parts[0]), ret_position);
}

int journal_append_begin(struct journal *journal, int64_t received_wall_ns, uint64_t *ret_position)
{
	seglog_seal(journal->log);
	return journal_append_part(journal, JOURNAL_CHECKPOINT_BEGIN, received_wall_ns, BYTES_NULL, ret_position);
}

int journal_append_end(struct journal *journal, int64_t received_wall_ns, uint64_t begin, uint64_t parts,
		       uint64_t *ret_position)
{
	struct entry_end end = {htole64(begin), htole64(parts)};

	return journal_append_part(journal, JOURNAL_CHECKPOINT_END, received_wall_ns, bytes_make(&end, sizeof(end)),
				   ret_position);
}

void journal_keep(struct journal *journal, uint64_t position)
{
	journal->keep = position;
	retain(journal);
}

uint64_t journal_first(const struct journal *journal)
{
	return seglog_first(journal->log);
}

uint64_t journal_durable(const struct journal *journal)
{
	return seglog_durable(journal->log);
}

uint64_t journal_bytes(const struct journal *journal)
{
	return seglog_bytes(journal->log);
}

uint64_t journal_bytes_from(const struct journal *journal, uint64_t position)
{
	return seglog_bytes_from(journal->log, position);
}

uint64_t journal_segment_bytes(const struct journal *journal)
{
	return journal->segment_bytes;
}

uint64_t journal_retain_bytes(const struct journal *journal)
{
	return journal->retain_bytes;
}

size_t journal_pending_bytes(const struct journal *journal)
{
	return seglog_pending(journal->log) + journal->commit_bytes;
}

int journal_error(const struct journal *journal)
{
	return journal->error;
}

void journal_commit_stats(const struct journal *journal, uint64_t *ret_commits, uint64_t *ret_ns)
{
	*ret_commits = journal->commits;
	*ret_ns = journal->commit_ns;
}

int journal_reader_open(struct journal_reader **ret, struct journal *journal, uint64_t position)
{
	struct journal_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	r = seglog_reader_open(&reader->reader, journal->log, position);
	if (r < 0) {
		free(reader);
		return r;
	}
	*ret = reader;
	return 0;
}

void journal_reader_close(struct journal_reader *reader)
{
	if (!reader)
		return;
	seglog_reader_close(reader->reader);
	free(reader);
}

void journal_reader_want_checkpoints(struct journal_reader *reader)
{
	reader->checkpoints = true;
}

/* Parts of checkpoints that nobody asked for are not worth decoding. */
static int decode(const struct journal_reader *reader, struct arena *arena, struct journal_entry *ret)
{
	const struct seglog_record *record = &reader->held;

	if (!reader->checkpoints && entry_is_part(record->type))
		return entry_skim(record->type, record->payload, ret);
	return entry_decode(arena, record->type, record->payload, ret);
}

int journal_reader_next(struct journal_reader *reader, struct arena *arena, struct journal_entry *ret)
{
	struct seglog_record *record = &reader->held;
	int r = reader->holding ? 0 : seglog_reader_next(reader->reader, record);

	if (r == SEGLOG_E_END)
		return JOURNAL_E_END;
	if (r == SEGLOG_E_HOLE)
		ret->position = record->number;
	if (r != 0)
		return r == SEGLOG_E_HOLE ? JOURNAL_E_HOLE : r;
	r = decode(reader, arena, ret);
	reader->holding = r == -ENOMEM;
	if (r == 0)
		ret->position = record->number;
	if (r != -EBADMSG)
		return r;
	/* Intact on disk, and yet nothing that is known here: written by a newer version, perhaps. */
	ret->position = record->number + 1;
	return JOURNAL_E_HOLE;
}
