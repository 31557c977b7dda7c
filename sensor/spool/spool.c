/* SPDX-License-Identifier: Apache-2.0 */
/* Appends are committed without sync on the loop's thread, which is a write to the page cache of some ten microseconds;
 * only the sync, which waits for the disk, goes to the thread pool. One timer, started by the first append or
 * acknowledgement after a sync, so that an idle sensor is not woken. While the folder cannot be opened it is also the
 * timer of the next attempt, so that what lies there goes on its way although nothing is appended.
 *
 * Losses are owed until the next append, which tells the caller, one reason at a time. */
#include "sensor/spool/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "canopy/failpoint.h"
#include "proto/batch/decoder.h"
#include "proto/seglog/acked.h"
#include "sensor/spool/loss.h"

#define SPOOL_RECORD_BATCH 1u
#define SPOOL_SEGMENT_PARTS 16u /* of max_bytes */

struct spool {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_work_t work;
	struct spool_options options; /* dir owned */
	struct seglog *log;           /* NULL while the folder cannot be opened after a failure */
	struct seglog_reader *reader; /* the uplink's place in the log */
	uint64_t reader_seq;          /* what it reads next */
	struct bytes fresh;           /* the newest batch while on_append is told of it: mostly what is read next */
	struct seglog_sync *sync;     /* under way on the thread pool */
	uint64_t stream, next, acked, acked_saved;
	uint64_t first, bytes; /* what the log held when it was closed after a failure; for as long as it is NULL */
	uint64_t damaged_end; /* damage below it has been counted */
	uint64_t dropped_batches;
	struct loss dropped, damaged; /* owed to the caller */
	uint64_t revive_at;           /* loop time of the next attempt */
	int error;
	bool work_active;
	void (*on_append)(void *owner);
	void *on_append_owner;
	void (*closed)(void *owner); /* set once closing */
	void *closed_owner;
};

static int work_later(struct spool *spool);
static void revive(struct spool *spool);
static void close_step(struct spool *spool);

static void complete_options(struct spool_options *options)
{
	if (!options->max_bytes)
		options->max_bytes = SPOOL_MAX_BYTES;
	if (!options->sync_interval_ms)
		options->sync_interval_ms = SPOOL_SYNC_INTERVAL_MS;
	if (!options->revive_interval_ms)
		options->revive_interval_ms = SPOOL_REVIVE_INTERVAL_MS;
	if (options->segment_bytes)
		return;
	options->segment_bytes = options->max_bytes / SPOOL_SEGMENT_PARTS;
	if (options->segment_bytes > SPOOL_SEGMENT_BYTES_MAX)
		options->segment_bytes = SPOOL_SEGMENT_BYTES_MAX;
	if (options->segment_bytes < SPOOL_SEGMENT_BYTES_MIN)
		options->segment_bytes = SPOOL_SEGMENT_BYTES_MIN;
}

static int open_log(struct spool *spool, struct seglog_recovery *ret_recovery, char **ret_why)
{
	struct seglog_options options = {
	    .dir = spool->options.dir,
	    .kind = SEGLOG_SPOOL,
	    .id = spool->stream,
	    .segment_bytes = spool->options.segment_bytes,
	    .verify = true, /* bounded and small: damage is known before the uplink meets it */
	};

	return seglog_open(&spool->log, &options, ret_recovery, ret_why);
}

/* Numbers below next have been given out; a log that has lost some of them to a power cut or a failing disk must not
 * give them to other batches. */
static int keep_numbers(struct spool *spool, uint64_t next)
{
	int r = next > seglog_next(spool->log) ? seglog_skip(spool->log, next) : 0;

	if (r == 0)
		spool->next = seglog_next(spool->log);
	return r;
}

static void spool_free(struct spool *spool)
{
	seglog_reader_close(spool->reader);
	seglog_close(spool->log);
	free((char *)spool->options.dir);
	free(spool);
}

int spool_open(struct spool **ret, uv_loop_t *loop, const struct spool_options *options,
	       struct seglog_recovery *ret_recovery, char **ret_why)
{
	struct seglog_recovery recovery;
	struct spool *spool = calloc(1, sizeof(*spool));
	int r;

	if (!spool)
		return -ENOMEM;
	spool->loop = loop;
	spool->options = *options;
	complete_options(&spool->options);
	spool->options.dir = strdup(options->dir);
	r = spool->options.dir ? open_log(spool, &recovery, ret_why) : -ENOMEM;
	if (r == 0) {
		spool->stream = seglog_id(spool->log);
		spool->acked = spool->acked_saved = acked_read(spool->options.dir, spool->stream);
		r = keep_numbers(spool, spool->acked + 1);
		if (r < 0 && ret_why &&
		    asprintf(ret_why, "cannot begin a segment in %s: %s: make room, or check the disk", options->dir,
			     strerror(-r)) < 0)
			*ret_why = NULL;
	}
	if (r == 0)
		r = uv_timer_init(loop, &spool->timer);
	if (r < 0) {
		spool_free(spool);
		return r;
	}
	spool->timer.data = spool->work.data = spool;
	if (ret_recovery)
		*ret_recovery = recovery;
	*ret = spool;
	return 0;
}

static void save_acked(struct spool *spool)
{
	if (spool->acked != spool->acked_saved && acked_write(spool->options.dir, spool->stream, spool->acked) == 0)
		spool->acked_saved = spool->acked;
}

static void sync_run(uv_work_t *work)
{
	struct spool *spool = work->data;

	seglog_sync_run(spool->sync);
}

static void sync_done(uv_work_t *work, int status)
{
	struct spool *spool = work->data;
	int r;

	(void)status; /* never cancelled */
	spool->work_active = false;
	r = seglog_sync_finish(spool->log, spool->sync);
	spool->sync = NULL;
	if (r < 0)
		spool->error = r;
	if (spool->closed)
		close_step(spool);
	else if (r < 0)
		(void)work_later(spool);
}

/* Hands what is not durable to the thread pool. 0 = under way, -ENODATA = all is durable, or what is in the way. */
static int sync_start(struct spool *spool)
{
	int r;

	if (spool->work_active)
		return 0;
	r = spool->log ? seglog_sync_begin(spool->log, &spool->sync) : -ENODATA;
	if (r < 0)
		return r;
	spool->work_active = true;
	(void)uv_queue_work(spool->loop, &spool->work, sync_run, sync_done); /* refuses only a missing callback */
	return 0;
}

static bool is_sound(const struct spool *spool)
{
	return spool->log && !seglog_error(spool->log);
}

static void on_timer(uv_timer_t *timer)
{
	struct spool *spool = timer->data;
	bool busy = spool->work_active;
	int r;

	save_acked(spool);
	revive(spool);
	r = sync_start(spool);
	/* The sync that ran may have begun before the newest append; one that cannot begin now is owed still. */
	if (busy || !is_sound(spool) || (r < 0 && r != -ENODATA))
		(void)work_later(spool);
}

static int work_later(struct spool *spool)
{
	uint32_t wait_ms = is_sound(spool) ? spool->options.sync_interval_ms : spool->options.revive_interval_ms;

	if (spool->closed || uv_is_active((uv_handle_t *)&spool->timer))
		return 0;
	return uv_timer_start(&spool->timer, on_timer, wait_ms, 0);
}

static void timer_closed(uv_handle_t *handle)
{
	struct spool *spool = handle->data;
	void (*closed)(void *owner) = spool->closed;
	void *owner = spool->closed_owner;

	spool_free(spool);
	closed(owner);
}

static void close_step(struct spool *spool)
{
	if (uv_is_closing((uv_handle_t *)&spool->timer) || sync_start(spool) == 0)
		return;
	save_acked(spool);
	uv_close((uv_handle_t *)&spool->timer, timer_closed);
}

void spool_close(struct spool *spool, void (*closed)(void *owner), void *owner)
{
	spool->closed = closed;
	spool->closed_owner = owner;
	spool->on_append = NULL;
	(void)uv_timer_stop(&spool->timer);
	if (!spool->work_active)
		close_step(spool);
}

uint64_t spool_stream(const struct spool *spool)
{
	return spool->stream;
}

uint64_t spool_next_seq(const struct spool *spool)
{
	return spool->next;
}

static void close_log(struct spool *spool)
{
	if (!spool->log)
		return;
	spool->first = seglog_first(spool->log);
	spool->bytes = seglog_bytes(spool->log);
	seglog_reader_close(spool->reader);
	spool->reader = NULL;
	seglog_close(spool->log);
	spool->log = NULL;
}

/* A folder that cannot be opened, or whose log cannot go on with our numbers, is tried again later. */
static void open_again(struct spool *spool)
{
	spool->error = open_log(spool, NULL, NULL);
	if (spool->error == 0)
		spool->error = keep_numbers(spool, spool->next);
	if (spool->error == 0)
		return;
	close_log(spool);
	(void)work_later(spool);
}

/* After a failed write or sync the log says no more: once in a while its folder is opened anew. What it holds may be
 * sent then, although nothing is appended. */
static void revive(struct spool *spool)
{
	if (is_sound(spool) || spool->work_active)
		return;
	uv_update_time(spool->loop);
	if (uv_now(spool->loop) < spool->revive_at)
		return;
	spool->revive_at = uv_now(spool->loop) + spool->options.revive_interval_ms;
	close_log(spool);
	open_again(spool);
	if (spool->error == 0 && spool->on_append)
		spool->on_append(spool->on_append_owner);
}

/* Drops the oldest segment and owes what of it had not been acknowledged. The reader is in the segment before that
 * goes, so it can still read it. */
static int drop_oldest(struct spool *spool)
{
	struct seglog_reader *reader;
	struct seglog_record record;
	uint64_t from = 0, to = 0;
	int r = seglog_reader_open(&reader, spool->log, spool_first_unacked(spool)), dropped;

	if (r < 0)
		return r;
	r = seglog_reader_next(reader, &record);
	dropped = seglog_drop_oldest(spool->log, &from, &to);
	for (; dropped == 0 && r >= 0 && r != SEGLOG_E_END && record.number <= to;
	     r = seglog_reader_next(reader, &record)) {
		if (r == 0)
			loss_add_batch(&spool->dropped, (const uint8_t *)record.payload.data, record.payload.len);
	}
	seglog_reader_close(reader);
	if (dropped < 0)
		return dropped;
	from = from > spool->acked ? from : spool->acked + 1;
	spool->dropped_batches += to >= from ? to - from + 1 : 0;
	return 0;
}

/* All segments but one, and that one is empty, hence the loss of nothing. */
static int drop_all(struct spool *spool)
{
	int r;

	do
		r = drop_oldest(spool);
	while (r == 0);
	return r == -ENODATA ? 0 : r;
}

/* Drawn here and not by the log: the new stream is known although its folder may not be there for a while. */
static void begin_stream(struct spool *spool, uint64_t stream)
{
	spool->stream = stream;
	spool->next = spool->first = 1;
	spool->bytes = 0;
	spool->acked = spool->acked_saved = spool->damaged_end = 0;
	(void)acked_remove(spool->options.dir); /* one that stays is known by the stream in it */
}

int spool_renew(struct spool *spool)
{
	int r = spool->log ? seglog_error(spool->log) : spool->error;
	uint64_t stream = 0;

	if (spool->work_active || spool->closed)
		return -EBUSY;
	while (r == 0 && !stream)
		r = getentropy(&stream, sizeof(stream)) < 0 ? -errno : 0;
	if (r == 0)
		r = drop_all(spool);
	if (r < 0)
		return r;
	close_log(spool);
	r = seglog_remove(spool->options.dir);
	if (r == 0)
		begin_stream(spool, stream);
	open_again(spool);
	return r;
}

static int make_room(struct spool *spool, size_t len)
{
	int r = 0;

	while (r == 0 && seglog_bytes(spool->log) + len > spool->options.max_bytes)
		r = drop_oldest(spool);
	return r == -ENODATA ? 0 : r; /* nothing left to drop: the bound is smaller than one batch */
}

static int write_batch(struct spool *spool, const uint8_t *batch, size_t len)
{
	struct bytes part = bytes_make(batch, len);
	uint64_t number;
	int r = seglog_append(spool->log, SPOOL_RECORD_BATCH, &part, 1, &number);

	if (r < 0)
		return r;
	r = seglog_commit(spool->log, false, NULL);
	while ((r == -ENOSPC || r == -EDQUOT) && drop_oldest(spool) == 0)
		r = seglog_commit(spool->log, false, NULL);
	if (r < 0)
		(void)seglog_discard(spool->log);
	return r;
}

/* What is owed goes to the caller, the drops first. */
static void tell_loss(struct spool *spool, const uint8_t *batch, size_t len, struct gap *ret, bool *ret_was_dropped)
{
	bool dropped = spool->dropped.batches > 0;
	struct loss *loss = dropped ? &spool->dropped : &spool->damaged;
	struct batch_id id = {0};

	*ret_was_dropped = loss->batches > 0;
	if (!*ret_was_dropped)
		return;
	(void)batch_peek(batch, len, &id);
	*ret = loss_gap(loss, dropped ? GAP_SPOOL_DROPPED : GAP_SPOOL_DAMAGED, &id.boot);
	*loss = LOSS_NULL;
}

int spool_append(struct spool *spool, const uint8_t *batch, size_t len, struct gap *ret_dropped, bool *ret_was_dropped)
{
	uint64_t next = spool->next;
	int r;

	if (spool->closed)
		return -ESHUTDOWN;
	if (len > SEGLOG_RECORD_MAX)
		return -EMSGSIZE;
	revive(spool);
	r = spool->log ? seglog_error(spool->log) : spool->error;
	if (r == 0 && spool->next != next)
		r = -ESTALE; /* what had been refused was written nevertheless, and has taken this batch's number */
	if (r == 0)
		r = make_room(spool, len);
	if (r == 0)
		r = write_batch(spool, batch, len);
	spool->error = r == -ESTALE ? 0 : r;
	if (r == 0) {
		spool->next = seglog_next(spool->log);
	} else {
		loss_add_batch(&spool->dropped, batch, len);
		spool->dropped_batches++;
	}
	(void)work_later(spool);
	tell_loss(spool, batch, len, ret_dropped, ret_was_dropped);
	if (r == 0 && spool->on_append) {
		spool->fresh = bytes_make(batch, len);
		spool->on_append(spool->on_append_owner);
		spool->fresh = BYTES_NULL;
	}
	return r == 0 ? 0 : SPOOL_E_REFUSED;
}

/* Bytes of the batch with this seq, copied, since the reader goes; NULL when it cannot be read. */
static uint8_t *copy_batch(struct spool *spool, uint64_t seq, size_t *ret_len)
{
	struct seglog_reader *reader;
	struct seglog_record record;
	uint8_t *copy = NULL;

	if (seq == 0 || seglog_reader_open(&reader, spool->log, seq) < 0)
		return NULL;
	if (seglog_reader_next(reader, &record) == 0 && (copy = malloc((size_t)record.payload.len + 1))) {
		memcpy(copy, record.payload.data, record.payload.len);
		*ret_len = record.payload.len;
	}
	seglog_reader_close(reader);
	return copy;
}

/* The reader has jumped from seq to next. What lies before the oldest segment was trimmed or dropped, and counted then;
 * the rest is damage. */
static void note_damage(struct spool *spool, uint64_t seq, uint64_t next)
{
	uint8_t *before, *after;
	size_t before_len = 0, after_len = 0;

	if (seq < spool_first_unacked(spool))
		seq = spool_first_unacked(spool);
	if (seq < spool->damaged_end)
		seq = spool->damaged_end;
	if (next <= seq)
		return;
	spool->damaged_end = next;
	spool->dropped_batches += next - seq;
	loss_add_unknown(&spool->damaged, next - seq);
	before = copy_batch(spool, seq - 1, &before_len);
	after = copy_batch(spool, next, &after_len);
	loss_set_neighbours(&spool->damaged, before, before_len, after, after_len);
	free(before);
	free(after);
}

static int seek(struct spool *spool, uint64_t seq)
{
	int r;

	if (spool->reader && spool->reader_seq == seq)
		return 0;
	seglog_reader_close(spool->reader);
	spool->reader = NULL;
	r = seglog_reader_open(&spool->reader, spool->log, seq);
	spool->reader_seq = seq;
	return r;
}

int spool_read(struct spool *spool, uint64_t seq, struct bytes *ret, uint64_t *ret_seq)
{
	struct seglog_record record;
	int r;

	if (!spool->log)
		return SPOOL_E_END;
	if (spool->fresh.len && seq + 1 == spool->next) {
		*ret = spool->fresh;
		*ret_seq = seq;
		return 0;
	}
	r = seek(spool, seq);
	if (r < 0)
		return r;
	while ((r = seglog_reader_next(spool->reader, &record)) == SEGLOG_E_HOLE) {
		note_damage(spool, spool->reader_seq, record.number);
		spool->reader_seq = record.number;
	}
	if (r != 0)
		return r == SEGLOG_E_END ? SPOOL_E_END : r;
	spool->reader_seq = record.number + 1;
	*ret = record.payload;
	*ret_seq = record.number;
	return 0;
}

void spool_ack(struct spool *spool, uint64_t seq)
{
	uint64_t freed = 0;

	if (seq >= spool->next)
		seq = spool->next - 1; /* nobody can have more than there is */
	if (seq <= spool->acked)
		return;
	spool->acked = seq;
	FAILPOINT("spool-acked");
	if (spool->log && seglog_trim(spool->log, seq + 1, &freed) == 0 && freed)
		save_acked(spool);
	(void)work_later(spool);
}

/* What is held does not change while the folder is not there, and is no loss yet. */
static uint64_t first_held(const struct spool *spool)
{
	return spool->log ? seglog_first(spool->log) : spool->first;
}

uint64_t spool_first_unacked(const struct spool *spool)
{
	uint64_t first = first_held(spool);

	return first > spool->acked ? first : spool->acked + 1;
}

uint64_t spool_batches(const struct spool *spool)
{
	return spool->next - spool_first_unacked(spool);
}

uint64_t spool_bytes(const struct spool *spool)
{
	uint64_t waiting = spool_batches(spool), held = spool->next - first_held(spool);
	uint64_t bytes = spool->log ? seglog_bytes(spool->log) : spool->bytes;

	/* Segments go as a whole, so most of what lies there may be acknowledged: counted by the average batch. */
	return waiting < held ? (uint64_t)((double)bytes * (double)waiting / (double)held) : waiting ? bytes : 0;
}

uint64_t spool_dropped_batches(const struct spool *spool)
{
	return spool->dropped_batches;
}

int spool_error(const struct spool *spool)
{
	return spool->error;
}

void spool_on_append(struct spool *spool, void (*cb)(void *owner), void *owner)
{
	spool->on_append = cb;
	spool->on_append_owner = owner;
}
