/* SPDX-License-Identifier: Apache-2.0 */
/* One state machine on the loop:
 *
 *   recovering -> reading <-> waiting      rows are built here, a slice a turn of the loop, since only this thread may
 *       ^           |  ^                   look into the forest
 *       |           v  |
 *    backoff <- writing, committing        zlib and the disk, on the thread pool
 *
 * While the pool works the loop builds no rows, so that neither side needs a lock. Whatever fails, the way back is the
 * same: drop what was begun, read the cursor again and follow the journal from there. */
#include "collector/lake/lake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "canopy/durable.h"
#include "canopy/log.h"
#include "collector/lake/ndjson.h"
#include "collector/lake/ocsf.h"
#include "collector/lake/spec.h"

#define SLICE_FACTS 128 /* about half a millisecond of rows: nothing else on the loop waits longer for us */
#define CHUNK_BYTES ((size_t)1024 * 1024) /* rows handed to the pool at a time: some 4 ms of zlib */
#define RETRY_MS_MIN 250u
#define RETRY_MS_MAX 30000u

enum lake_state {
	LAKE_RECOVERING,
	LAKE_READING,
	LAKE_WAITING, /* all of the journal has been read */
	LAKE_WRITING,
	LAKE_COMMITTING,
	LAKE_BACKOFF,
	LAKE_ENDING,
};

struct lake {
	uv_loop_t *loop;
	struct journal *journal; /* to be read inside the gate, like the forest */
	struct forest *forest;
	struct gate *gate;
	struct lake_spec spec;
	struct ndjson *sink;
	enum lake_state state;

	uv_idle_t slice;
	uv_timer_t interval, retry;
	uv_work_t work;
	int work_result;
	uint64_t work_rows;                 /* of a commit */
	struct ndjson_journal work_journal; /* for a recovery */
	unsigned handles;

	struct journal_reader *reader;
	struct arena entry_memory, row_memory;
	struct journal_entry entry;
	bool entry_open;   /* entry is being worked through */
	size_t fact, gap;  /* of entry: the next to look at */
	uint64_t expected; /* position that should come next */
	uint64_t next; /* first position that is not in the lake; a copy, since the pool may be at work on the sink */
	uint64_t hole_from; /* positions from here to before entry are missing; 0 = none */

	bool commit_asked; /* the interval is over */
	bool failing;      /* an error was logged and nothing has worked since */
	uint64_t retry_ms;
	uint64_t failures, rows;
	char *name; /* for the figures: several lakes must be told apart */

	void (*flushed)(void *owner);
	void *flush_owner;
	uint64_t flush_to; /* position that the flush waits for */

	bool closing;
	uint64_t close_by; /* uv_now */
	void (*closed)(void *owner);
	void *close_owner;
};

static void enter(struct lake *lake, enum lake_state state, const char *reason);

/* ---- endings --------------------------------------------------------------------------------------------------- */

static void finish_flush(struct lake *lake)
{
	void (*flushed)(void *owner) = lake->flushed;

	lake->flushed = NULL;
	if (flushed)
		flushed(lake->flush_owner);
}

static void free_lake(struct lake *lake)
{
	ndjson_destroy(lake->sink);
	lake_spec_finish(&lake->spec);
	free(lake->name);
	arena_finish(&lake->entry_memory);
	arena_finish(&lake->row_memory);
	free(lake);
}

static void on_closed(uv_handle_t *handle)
{
	struct lake *lake = handle->data;
	void (*closed)(void *owner) = lake->closed;
	void *owner = lake->close_owner;

	if (--lake->handles)
		return;
	free_lake(lake);
	if (closed)
		closed(owner);
}

static void close_reader(struct lake *lake)
{
	if (lake->reader) {
		gate_enter(lake->gate);
		journal_reader_close(lake->reader);
		gate_leave(lake->gate);
	}
	lake->reader = NULL;
	lake->entry_open = false;
	lake->hole_from = 0;
	arena_reset(&lake->entry_memory);
}

/* The first error of a series is worth a line; that it works again, too. */
static void fail(struct lake *lake, const char *what, const char *why)
{
	lake->failures++;
	if (!lake->failing)
		log_warning("lake dir=%s: cannot %s: %s; its rows stay in the journal and are tried again",
			    lake->spec.dir, what, why);
	lake->failing = true;
	finish_flush(lake);
	enter(lake, lake->closing ? LAKE_ENDING : LAKE_BACKOFF, what);
}

/* ---- work on the pool ------------------------------------------------------------------------------------------ */

static void do_recover(uv_work_t *work)
{
	struct lake *lake = work->data;

	lake->work_result = ndjson_recover(lake->sink, &lake->work_journal);
}

static void do_write(uv_work_t *work)
{
	struct lake *lake = work->data;

	lake->work_result = ndjson_write(lake->sink);
}

static void do_commit(uv_work_t *work)
{
	struct lake *lake = work->data;

	lake->work_rows = 0;
	lake->work_result = ndjson_commit(lake->sink, &lake->work_rows);
}

static void recovered(struct lake *lake)
{
	static const char damaged[] =
		"its cursor below STATE/lake is damaged; remove it to fill the lake anew from the oldest record "
		"(move the files away first, or rows stand there twice)";
	static const char foreign[] =
		"others can write its folder, or the folder or a link to it is another user's; chmod go-w it, or chown it to the collector's user";
	int r;

	if (lake->work_result < 0) {
		fail(lake, "open it", lake->work_result == -EBADMSG ? damaged
				      : lake->work_result == -EPERM ? foreign : strerror(-lake->work_result));
		return;
	}
	lake->next = ndjson_next(lake->sink);
	if (ndjson_restarted(lake->sink))
		log_warning("lake dir=%s: its cursor stood behind the end of the journal, which was begun anew or has "
			    "lost its end; goes on at position %" PRIu64,
			    lake->spec.dir, ndjson_next(lake->sink));
	lake->expected = lake->next;
	gate_enter(lake->gate);
	r = journal_reader_open(&lake->reader, lake->journal, lake->expected);
	gate_leave(lake->gate);
	if (r < 0)
		fail(lake, "read the journal", strerror(-r));
	else
		enter(lake, LAKE_READING, "recovered");
}

static void committed(struct lake *lake)
{
	if (lake->work_result < 0) {
		fail(lake, "complete files", strerror(-lake->work_result));
		return;
	}
	if (lake->failing)
		log_info("lake dir=%s: works again", lake->spec.dir);
	lake->failing = false;
	lake->retry_ms = RETRY_MS_MIN;
	lake->rows += lake->work_rows;
	lake->next = ndjson_next(lake->sink);
	if (lake->flushed && lake->next > lake->flush_to)
		finish_flush(lake);
	if (lake->closing && uv_now(lake->loop) >= lake->close_by)
		enter(lake, LAKE_ENDING, "closed before the end of the journal");
	else
		enter(lake, LAKE_READING, "committed");
}

static void on_work(uv_work_t *work, int status)
{
	struct lake *lake = work->data;

	if (status < 0)
		lake->work_result = status;
	switch (lake->state) {
	case LAKE_RECOVERING:
		recovered(lake);
		break;
	case LAKE_COMMITTING:
		committed(lake);
		break;
	default:
		if (lake->work_result < 0)
			fail(lake, "write rows", strerror(-lake->work_result));
		else
			enter(lake, LAKE_READING, "written");
	}
}

static void start_work(struct lake *lake, uv_work_cb work)
{
	int r = uv_queue_work(lake->loop, &lake->work, work, on_work);

	if (r < 0)
		fail(lake, "start its worker", strerror(-r));
}

/* ---- states ---------------------------------------------------------------------------------------------------- */

/* What recovery has to know of the journal. A newest record that cannot be read counts as old: nothing is then brought
 * twice. */
static void describe_journal(struct lake *lake)
{
	struct ndjson_journal *journal = &lake->work_journal;
	struct journal_reader *reader;
	struct journal_entry entry;

	*journal = (struct ndjson_journal){journal_first(lake->journal), journal_durable(lake->journal) + 1, INT64_MIN};
	if (journal->next <= journal->first || journal_reader_open(&reader, lake->journal, journal->next - 1) < 0)
		return;
	if (journal_reader_next(reader, &lake->entry_memory, &entry) == 0)
		journal->newest_wall_ns = entry.received_wall_ns;
	journal_reader_close(reader);
	arena_reset(&lake->entry_memory);
}

static void on_slice(uv_idle_t *handle);
static void on_retry(uv_timer_t *handle);

static void end(struct lake *lake)
{
	uv_handle_t *handles[] = {(uv_handle_t *)&lake->slice, (uv_handle_t *)&lake->interval,
				  (uv_handle_t *)&lake->retry};

	close_reader(lake);
	finish_flush(lake);
	for (size_t i = 0; i < sizeof(handles) / sizeof(*handles); i++)
		uv_close(handles[i], on_closed);
}

static void enter(struct lake *lake, enum lake_state state, const char *reason)
{
	static const char *const names[] = {
		[LAKE_RECOVERING] = "recovering", [LAKE_READING] = "reading",       [LAKE_WAITING] = "waiting",
		[LAKE_WRITING] = "writing",       [LAKE_COMMITTING] = "committing", [LAKE_BACKOFF] = "backoff",
		[LAKE_ENDING] = "ending",
	};

	log_debug("lake dir=%s state=%s from=%s reason='%s'", lake->spec.dir, names[state], names[lake->state], reason);
	if (lake->state == LAKE_READING)
		(void)uv_idle_stop(&lake->slice);
	lake->state = state;
	switch (state) {
	case LAKE_RECOVERING:
		close_reader(lake);
		gate_enter(lake->gate);
		describe_journal(lake);
		gate_leave(lake->gate);
		start_work(lake, do_recover);
		break;
	case LAKE_READING:
		(void)uv_idle_start(&lake->slice, on_slice);
		break;
	case LAKE_WAITING:
		break;
	case LAKE_WRITING:
		start_work(lake, do_write);
		break;
	case LAKE_COMMITTING:
		lake->commit_asked = false;
		(void)uv_timer_stop(&lake->interval);
		start_work(lake, do_commit);
		break;
	case LAKE_BACKOFF:
		(void)uv_timer_start(&lake->retry, on_retry, lake->retry_ms, 0);
		lake->retry_ms = lake->retry_ms * 2 > RETRY_MS_MAX ? RETRY_MS_MAX : lake->retry_ms * 2;
		break;
	case LAKE_ENDING:
		end(lake);
		break;
	}
}

static void on_retry(uv_timer_t *handle)
{
	enter(handle->data, LAKE_RECOVERING, "retry");
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static int put_fact(struct lake *lake, struct ocsf_source *source, const struct fact *fact)
{
	int64_t wall_ns = (int64_t)(fact->time_ns + (uint64_t)source->boottime_to_wall_ns);
	struct json *json = ndjson_row_begin(lake->sink, partition_at(LAKE_PROCESS_ACTIVITY, wall_ns));

	source->index = (size_t)(fact - lake->entry.batch.facts);
	ocsf_fact_write(json, source, fact, &lake->row_memory);
	arena_reset(&lake->row_memory);
	return ndjson_row_end(lake->sink);
}

static int put_gap(struct lake *lake, struct ocsf_source *source, const struct gap *gap)
{
	int64_t wall_ns = (int64_t)(gap->from_ns + (uint64_t)source->boottime_to_wall_ns);

	source->index = (size_t)(gap - lake->entry.batch.gaps);
	ocsf_gap_write(ndjson_row_begin(lake->sink, partition_at(LAKE_GAP, wall_ns)), source, gap);
	return ndjson_row_end(lake->sink);
}

static int put_hole(struct lake *lake)
{
	uint64_t from = lake->hole_from, to = lake->entry.position - 1;
	int64_t wall_ns = lake->entry.received_wall_ns;

	lake->hole_from = 0;
	if (to < from)
		return 0;
	log_warning("lake dir=%s: journal positions %" PRIu64 " to %" PRIu64 " are missing; goes on behind them",
		    lake->spec.dir, from, to);
	ocsf_hole_write(ndjson_row_begin(lake->sink, partition_at(LAKE_GAP, wall_ns)), from, to, wall_ns);
	return ndjson_row_end(lake->sink);
}

/* The forest may change between two slices, so what is borrowed from it is taken anew for each. */
static void find_source(const struct lake *lake, struct ocsf_source *source, struct forest_host_info *info)
{
	const struct batch *batch = &lake->entry.batch;

	*source = (struct ocsf_source){
		.boot = &batch->id.boot,
		.host = forest_host_find(lake->forest, &batch->id.boot),
		.received_wall_ns = lake->entry.received_wall_ns,
		.boottime_to_wall_ns = batch->boottime_to_wall_ns,
		.stream = batch->id.stream,
		.seq = batch->id.seq,
		.position = lake->entry.position,
	};
	if (!source->host)
		return;
	forest_host_info(source->host, info);
	source->info = info;
}

/* Works through the open entry until it ends, the budget is used up or a chunk is full. */
static int put_entry(struct lake *lake, size_t *budget)
{
	const struct batch *batch = &lake->entry.batch;
	struct forest_host_info info;
	struct ocsf_source source;
	int r = lake->hole_from ? put_hole(lake) : 0;

	if (lake->entry.type == JOURNAL_BATCH) {
		find_source(lake, &source, &info);
		for (; !r && lake->fact < batch->fact_count && *budget && ndjson_buffered(lake->sink) < CHUNK_BYTES;
		     lake->fact++, --*budget)
			if (journal_is_new(&lake->entry, lake->fact))
				r = put_fact(lake, &source, &batch->facts[lake->fact]);
		if (lake->fact < batch->fact_count)
			return r;
		for (; !r && lake->gap < batch->gap_count; lake->gap++)
			if (journal_is_new_gap(&lake->entry, lake->gap))
				r = put_gap(lake, &source, &batch->gaps[lake->gap]);
	}
	if (!r) {
		ndjson_position(lake->sink, lake->entry.position, lake->entry.received_wall_ns);
		lake->expected = lake->entry.position + 1;
		lake->entry_open = false;
		arena_reset(&lake->entry_memory);
	}
	return r;
}

/* Opens the next entry. Returns 0, JOURNAL_E_END or an error. Inside the gate, like the row building above. */
static int next_entry(struct lake *lake)
{
	int r = journal_reader_next(lake->reader, &lake->entry_memory, &lake->entry);

	if (r == JOURNAL_E_HOLE) {
		if (!lake->hole_from)
			lake->hole_from = lake->expected;
		return 0;
	}
	if (r)
		return r;
	lake->entry_open = true;
	lake->fact = lake->gap = 0;
	return 0;
}

/* ---- slices ---------------------------------------------------------------------------------------------------- */

static bool wants_commit(const struct lake *lake, bool at_end)
{
	if (!ndjson_pending(lake->sink))
		return false;
	return lake->commit_asked || ndjson_due(lake->sink) || (at_end && lake->closing) ||
	       (lake->closing && uv_now(lake->loop) >= lake->close_by) ||
	       (lake->flushed && lake->expected > lake->flush_to);
}

static void on_interval(uv_timer_t *handle)
{
	struct lake *lake = handle->data;

	lake->commit_asked = true;
	if (lake->state == LAKE_WAITING)
		enter(lake, LAKE_READING, "interval");
}

/* Between two entries: commits when it is time, ends when asked to. True when the state has changed. */
static bool settle(struct lake *lake, bool at_end)
{
	if (wants_commit(lake, at_end)) {
		enter(lake, LAKE_COMMITTING, "due");
		return true;
	}
	if (lake->flushed && lake->next > lake->flush_to)
		finish_flush(lake);
	if (lake->closing && (at_end || uv_now(lake->loop) >= lake->close_by)) {
		enter(lake, LAKE_ENDING, "closed");
		return true;
	}
	if (at_end)
		enter(lake, LAKE_WAITING, "end of the journal");
	return at_end;
}

/* Works on one entry for a while. Returns 0, JOURNAL_E_END or an error; *ret_doing then says what failed. */
static int advance(struct lake *lake, size_t *budget, const char **ret_doing)
{
	int r = 0;

	gate_enter(lake->gate);
	*ret_doing = "read the journal";
	if (!lake->entry_open)
		r = next_entry(lake);
	if (r >= 0 && lake->entry_open) {
		*ret_doing = "build rows";
		r = put_entry(lake, budget);
	}
	gate_leave(lake->gate);
	return r;
}

static void on_slice(uv_idle_t *handle)
{
	struct lake *lake = handle->data;
	size_t budget = SLICE_FACTS;

	while (budget) {
		const char *doing;
		int r = advance(lake, &budget, &doing);

		if (r < 0) {
			fail(lake, doing, strerror(-r));
			return;
		}
		if (ndjson_pending(lake->sink) && !uv_is_active((uv_handle_t *)&lake->interval))
			(void)uv_timer_start(&lake->interval, on_interval, lake->spec.interval_ms, 0);
		if (!lake->entry_open && settle(lake, r == JOURNAL_E_END))
			return;
		if (ndjson_buffered(lake->sink) >= CHUNK_BYTES) {
			enter(lake, LAKE_WRITING, "chunk full");
			return;
		}
		if (budget)
			budget--; /* an entry costs, too */
	}
}

void lake_wake(struct lake *lake)
{
	if (lake->state == LAKE_WAITING)
		enter(lake, LAKE_READING, "journal grew");
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static int make_state(const char *state_dir, char **ret, char **ret_why)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/lake", state_dir) < 0)
		return -ENOMEM;
	r = durable_mkdir(path, 0700);
	if (r < 0) {
		if (ret_why &&
		    asprintf(ret_why, "cannot make the folder %s for the lake's cursor: %s", path, strerror(-r)) < 0)
			*ret_why = NULL;
		free(path);
		return r;
	}
	*ret = path;
	return 0;
}

static void init_handles(struct lake *lake)
{
	(void)uv_idle_init(lake->loop, &lake->slice); /* cannot fail, nor can timers */
	(void)uv_timer_init(lake->loop, &lake->interval);
	(void)uv_timer_init(lake->loop, &lake->retry);
	lake->slice.data = lake->interval.data = lake->retry.data = lake->work.data = lake;
	lake->handles = 3;
}

int lake_create(struct lake **ret, uv_loop_t *loop, const char *spec, const char *state_dir,
		const struct fleet_shard *source, char **ret_why)
{
	struct lake *lake = calloc(1, sizeof(*lake));
	char *state = NULL;
	int r;

	if (!lake)
		return -ENOMEM;
	lake->loop = loop;
	lake->journal = source->journal;
	lake->forest = source->forest;
	lake->gate = source->gate;
	lake->retry_ms = RETRY_MS_MIN;
	r = lake_spec_parse(spec, &lake->spec, ret_why);
	if (!r && asprintf(&lake->name, "ndjson:%s", lake->spec.dir) < 0) {
		lake->name = NULL;
		r = -ENOMEM;
	}
	if (!r)
		r = make_state(state_dir, &state, ret_why);
	if (!r)
		r = ndjson_create(&lake->sink, lake->spec.dir, state, lake->spec.bytes, ret_why);
	free(state);
	if (r < 0) {
		free_lake(lake);
		return r;
	}
	init_handles(lake);
	enter(lake, LAKE_RECOVERING, "created");
	*ret = lake;
	return 0;
}

size_t lake_sinks(const struct lake *lake, struct fleet_sink *ret, size_t max)
{
	uint64_t next = lake->next, first, durable, bytes, held, lag;

	if (!max)
		return 0;
	gate_enter(lake->gate);
	first = journal_first(lake->journal);
	durable = journal_durable(lake->journal);
	bytes = journal_bytes(lake->journal);
	gate_leave(lake->gate);
	held = durable + 1 - first;
	if (next < first)
		next = first;
	lag = next > durable ? 0 : durable + 1 - next;
	*ret = (struct fleet_sink){
		.name = lake->name,
		.lag_records = lag,
		/* the journal knows no byte position of a record: its records are taken as equally long */
		.lag_bytes = held ? (uint64_t)((double)bytes / (double)held * (double)lag) : 0,
		.failures_total = lake->failures,
		.rows_total = lake->rows,
	};
	return 1;
}

int lake_flush(struct lake *lake, void (*done)(void *owner), void *owner)
{
	if (lake->flushed || lake->closing)
		return -EBUSY;
	lake->flushed = done;
	lake->flush_owner = owner;
	gate_enter(lake->gate);
	lake->flush_to = journal_durable(lake->journal);
	gate_leave(lake->gate);
	if (lake->state == LAKE_WAITING)
		enter(lake, LAKE_READING, "flush");
	return 0;
}

void lake_close(struct lake *lake, void (*closed)(void *owner), void *owner)
{
	lake->closing = true;
	lake->closed = closed;
	lake->close_owner = owner;
	lake->close_by = uv_now(lake->loop) + LAKE_CLOSE_MS;
	if (lake->state == LAKE_WAITING)
		enter(lake, LAKE_READING, "close");
	else if (lake->state == LAKE_BACKOFF)
		enter(lake, LAKE_ENDING, "close while failing");
}
