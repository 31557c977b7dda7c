/* SPDX-License-Identifier: Apache-2.0 */
/* When one is due: the journal has grown by a segment since the last one began, and by as much as that one took, so
 * that checkpoints are at most half of what is written. What fails leaves a beginning without an end, which counts for
 * nothing; the next one starts anew. */
#include "collector/ingest/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canopy/failpoint.h"

#define LOOK_AT_CLOCK 32u /* processes between two looks at the clock, where they are small */

/* So a slice always finds room for the process that it begins with, for what it had gathered, and for a state. */
#define GATHERED_MAX ((CHECKPOINT_BATCHES + 1u) * BATCH_BYTES_MAX)
_Static_assert(CHECKPOINT_URGENT_PENDING_MAX + FOREST_SAVED_NODE_MAX + GATHERED_MAX <= SEGLOG_PENDING_MAX, "a slice fits");

void checkpoint_init(struct checkpoint *checkpoint, struct forest *forest, struct journal *journal,
		     struct streams *streams, struct links *links)
{
	*checkpoint = (struct checkpoint){.forest = forest, .journal = journal, .streams = streams, .links = links};
}

static void drop(struct checkpoint *checkpoint)
{
	free(checkpoint->boots);
	checkpoint->boots = NULL;
	for (size_t i = 0; i < CHECKPOINT_BATCHES; i++) {
		batch_encoder_destroy(checkpoint->batches[i].encoder);
		checkpoint->batches[i] = (struct checkpoint_batch){0};
	}
	arena_finish(&checkpoint->arena);
	checkpoint->active = false;
}

void checkpoint_finish(struct checkpoint *checkpoint)
{
	drop(checkpoint);
}

static int64_t wall_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* One more part was appended; before: what waited for the disk until then. */
static void count_part(struct checkpoint *checkpoint, size_t before)
{
	checkpoint->parts++;
	checkpoint->bytes += journal_pending_bytes(checkpoint->journal) - before;
	FAILPOINT("checkpoint-part");
}

static int append_part(struct checkpoint *checkpoint, enum journal_type type, struct bytes body)
{
	size_t before = journal_pending_bytes(checkpoint->journal);
	uint64_t position;
	int r = journal_append_part(checkpoint->journal, type, wall_now(), body, &position);

	if (r == 0)
		count_part(checkpoint, before);
	return r;
}

/* Without room the batch stays as it is: its facts are of processes that count as told. */
static int flush(struct checkpoint *checkpoint, struct checkpoint_batch *batch)
{
	struct batch_id id = {
	    .boot = checkpoint->boots[checkpoint->at], .stream = batch->saved, .seq = checkpoint->sequence + 1};
	const uint8_t *data;
	size_t len;
	int r = journal_reserve_batch(checkpoint->journal, batch_encoder_bytes(batch->encoder), 0, 0);

	if (r == 0)
		r = batch_encoder_finish(batch->encoder, &id, batch->offset_ns, &data, &len);
	if (r == 0)
		r = append_part(checkpoint, JOURNAL_CHECKPOINT_PROCESSES, bytes_make(data, len));
	checkpoint->sequence += r == 0;
	return r;
}

static int flush_all(struct checkpoint *checkpoint)
{
	int r = 0;

	for (size_t i = 0; i < CHECKPOINT_BATCHES && r == 0; i++) {
		struct checkpoint_batch *batch = &checkpoint->batches[i];

		if (batch->encoder && batch_encoder_count(batch->encoder))
			r = flush(checkpoint, batch);
	}
	return r;
}

/* The batch for facts of this kind and clock; one that is not needed now gives way. */
static int batch_for(struct checkpoint *checkpoint, unsigned saved, int64_t offset_ns, struct checkpoint_batch **ret)
{
	struct checkpoint_batch *oldest = &checkpoint->batches[0];
	int r = 0;

	for (size_t i = 0; i < CHECKPOINT_BATCHES; i++) {
		struct checkpoint_batch *batch = &checkpoint->batches[i];

		if (batch->encoder && batch->saved == saved && batch->offset_ns == offset_ns) {
			*ret = batch;
			return 0;
		}
		oldest = batch->used < oldest->used ? batch : oldest;
	}
	if (!oldest->encoder)
		r = batch_encoder_create(&oldest->encoder);
	else if (batch_encoder_count(oldest->encoder))
		r = flush(checkpoint, oldest);
	if (r < 0)
		return r;
	oldest->saved = saved;
	oldest->offset_ns = offset_ns;
	*ret = oldest;
	return 0;
}

static int put_fact(void *owner, unsigned saved, const struct fact *fact, int64_t boottime_to_wall_ns)
{
	struct checkpoint *checkpoint = owner;
	struct checkpoint_batch *batch;
	int r = batch_for(checkpoint, saved, boottime_to_wall_ns, &batch);

	if (r < 0)
		return r;
	batch->used = ++checkpoint->uses;
	r = batch_encoder_add(batch->encoder, fact);
	if (r != BATCH_E_FULL)
		return r;
	r = flush(checkpoint, batch);
	return r < 0 ? r : batch_encoder_add(batch->encoder, fact);
}

static int put_description(struct checkpoint *checkpoint, const struct forest_host *host)
{
	size_t before = journal_pending_bytes(checkpoint->journal);
	struct hello hello;
	uint64_t position;
	int r;

	if (!forest_save_description(host, &hello))
		return 0;
	r = journal_append_part_host(checkpoint->journal, wall_now(), &hello, &position);
	if (r == 0)
		count_part(checkpoint, before);
	return r;
}

static int put_state(struct checkpoint *checkpoint, const struct forest_host *host)
{
	const struct boot_id *boot = &checkpoint->boots[checkpoint->at];
	const struct link *link = links_find(checkpoint->links, boot);
	struct boot_state state;
	struct bytes body;
	int r;

	arena_reset(&checkpoint->arena);
	r = forest_save_host(host, checkpoint->since_ns, &checkpoint->arena, &state);
	if (r == 0)
		r = streams_save(checkpoint->streams, boot, &checkpoint->arena, &state);
	if (r < 0)
		return r;
	state.sequence_gaps = link ? link->sequence_gaps : 0;
	state.seen_wall_ns = link ? link->seen_wall_ns : 0;
	state.last_record = link ? link->position : 0;
	r = boot_state_encode(&state, &checkpoint->arena, &body);
	return r < 0 ? r : append_part(checkpoint, JOURNAL_CHECKPOINT_STATE, body);
}

/* ---- slices ------------------------------------------------------------------------------------------------------ */

static int begin_host(struct checkpoint *checkpoint, const struct forest_host *host)
{
	struct forest_host_info info;
	int r;

	forest_host_info(host, &info);
	checkpoint->since_ns =
	    info.last_fact_ns > CHECKPOINT_RECENT_NS ? info.last_fact_ns - CHECKPOINT_RECENT_NS : 0;
	r = put_description(checkpoint, host);
	if (r == 0)
		r = put_state(checkpoint, host);
	if (r < 0)
		return r;
	checkpoint->begun = true;
	checkpoint->walked = false;
	return 0;
}

static struct forest_node *next_node(const struct checkpoint *checkpoint, const struct forest_host *host)
{
	struct process_key key = checkpoint->last;

	if (!checkpoint->walked)
		return forest_node_next(host, NULL);
	/* the one that was told last may have gone meanwhile */
	key.start_ns += key.tgid == UINT32_MAX;
	key.tgid += 1;
	return forest_node_at(host, key);
}

static bool disk_is_behind(const struct checkpoint *checkpoint)
{
	return journal_pending_bytes(checkpoint->journal) > checkpoint->pending_max;
}

/* By bytes as by time: whoever can make processes can make large ones. */
static bool is_over(const struct checkpoint *checkpoint)
{
	return disk_is_behind(checkpoint) || uv_hrtime() > checkpoint->deadline_ns;
}

static int put_node(struct checkpoint *checkpoint, const struct forest_node *node)
{
	int r = 0;

	if (forest_save_wants(node, checkpoint->since_ns))
		r = forest_save_node(node, checkpoint->since_ns, put_fact, checkpoint);
	if (r < 0)
		return r; /* told from its beginning next time; what is told twice says nothing new */
	checkpoint->last = forest_node_key(node);
	checkpoint->walked = true;
	return 0;
}

/* Tells processes of the host until the slice is over. *ret_done: there are no more. */
static int put_nodes(struct checkpoint *checkpoint, const struct forest_host *host, bool *ret_done)
{
	struct forest_node *node = next_node(checkpoint, host);
	int r = 0;

	for (unsigned i = 1; node && r == 0; i++) {
		uint64_t before = checkpoint->bytes;

		r = put_node(checkpoint, node);
		node = r == 0 ? forest_node_next(host, node) : node;
		if ((checkpoint->bytes != before || i % LOOK_AT_CLOCK == 0) && is_over(checkpoint))
			break;
	}
	*ret_done = !node;
	return r;
}

/* The counts once more: facts that came since the host was begun, of processes that were told behind them, are counted
 * twice by whoever reads. */
static int finish_host(struct checkpoint *checkpoint, const struct forest_host *host)
{
	int r = flush_all(checkpoint);

	if (r == 0 && host)
		r = put_state(checkpoint, host);
	if (r < 0)
		return r;
	checkpoint->at++;
	checkpoint->begun = false;
	return 0;
}

static int put_host(struct checkpoint *checkpoint)
{
	const struct forest_host *host = forest_host_find(checkpoint->forest, &checkpoint->boots[checkpoint->at]);
	bool done = true;
	int r = 0;

	if (host && !checkpoint->begun)
		r = begin_host(checkpoint, host);
	if (host && r == 0)
		r = put_nodes(checkpoint, host, &done);
	return r == 0 && done ? finish_host(checkpoint, host) : r;
}

static int put_end(struct checkpoint *checkpoint)
{
	size_t before = journal_pending_bytes(checkpoint->journal);
	int r = journal_append_end(checkpoint->journal, wall_now(), checkpoint->begin, checkpoint->parts,
				   &checkpoint->end);

	checkpoint->bytes += journal_pending_bytes(checkpoint->journal) - before;
	return r;
}

static void give_up(struct checkpoint *checkpoint, int error)
{
	drop(checkpoint);
	if (error == -ESHUTDOWN)
		return;
	checkpoint->failures++;
	checkpoint->retry_ns = uv_hrtime() + CHECKPOINT_RETRY_NS;
}

/* What others have written since it began is what a restart has to read on top of it: beyond a bound that matters more than what waits. */
static bool is_urgent(const struct checkpoint *checkpoint)
{
	uint64_t grown = journal_bytes_from(checkpoint->journal, checkpoint->begin);

	return grown >= checkpoint->bytes + journal_segment_bytes(checkpoint->journal) / CHECKPOINT_URGENT_PART;
}

static int put_until_over(struct checkpoint *checkpoint)
{
	int r = 0;

	if (disk_is_behind(checkpoint))
		return 0;
	do
		r = checkpoint->at < checkpoint->boot_count ? put_host(checkpoint) : put_end(checkpoint);
	while (r == 0 && !checkpoint->end && !is_over(checkpoint));
	return r;
}

/* The least, or half of the time since the last one, within bounds. */
static uint64_t slice_ns(const struct checkpoint *checkpoint, uint64_t now_ns, bool urgent)
{
	uint64_t share = (now_ns - checkpoint->sliced_ns) / 2;

	if (share < CHECKPOINT_SLICE_MIN_NS || !urgent)
		return CHECKPOINT_SLICE_MIN_NS;
	return share < CHECKPOINT_SLICE_MAX_NS ? share : CHECKPOINT_SLICE_MAX_NS;
}

static void begin_slice(struct checkpoint *checkpoint)
{
	uint64_t now_ns = uv_hrtime();
	bool urgent = is_urgent(checkpoint);

	checkpoint->pending_max = urgent ? CHECKPOINT_URGENT_PENDING_MAX : CHECKPOINT_PENDING_MAX;
	checkpoint->deadline_ns = now_ns + slice_ns(checkpoint, now_ns, urgent);
}

/* Nothing that comes between two slices stands before what was told of a process in the first one, or in its midst: whoever reads may
 * evict a process as soon as its end has come. */
static void slice(struct checkpoint *checkpoint)
{
	uint64_t before = checkpoint->bytes;
	int r;

	begin_slice(checkpoint);
	r = put_until_over(checkpoint);
	if (r == 0 && checkpoint->begun)
		r = flush_all(checkpoint);
	checkpoint->sliced_ns = uv_hrtime();
	if (r < 0 && r != -ENOBUFS) { /* the next commit makes room */
		give_up(checkpoint, r);
		return;
	}
	/* Who have ended and are not told start no commit that would be followed by the next slice. */
	if (checkpoint->bytes == before)
		journal_turn_soon(checkpoint->journal);
}

/* ---- from begin to end ------------------------------------------------------------------------------------------- */

static bool due(const struct checkpoint *checkpoint)
{
	uint64_t retain = journal_retain_bytes(checkpoint->journal) / 4;
	uint64_t interval = journal_segment_bytes(checkpoint->journal);
	uint64_t grown = journal_bytes_from(checkpoint->journal, checkpoint->newest.begin);

	if (retain && retain < interval)
		interval = retain;
	if (checkpoint->newest.bytes > interval)
		interval = checkpoint->newest.bytes;
	return grown >= interval + checkpoint->newest.bytes && uv_hrtime() >= checkpoint->retry_ns &&
	       journal_pending_bytes(checkpoint->journal) <= CHECKPOINT_URGENT_PENDING_MAX;
}

static int gather_boots(struct checkpoint *checkpoint)
{
	struct forest_stats stats;
	struct forest_host_info info;
	struct forest_host *host = NULL;

	forest_stats(checkpoint->forest, &stats);
	checkpoint->boots = calloc(stats.hosts + 1, sizeof(*checkpoint->boots));
	if (!checkpoint->boots)
		return -ENOMEM;
	checkpoint->boot_count = 0;
	while (checkpoint->boot_count < stats.hosts && (host = forest_host_next(checkpoint->forest, host))) {
		forest_host_info(host, &info);
		checkpoint->boots[checkpoint->boot_count++] = info.boot;
	}
	return 0;
}

static void begin(struct checkpoint *checkpoint)
{
	size_t before = journal_pending_bytes(checkpoint->journal);
	int r = gather_boots(checkpoint);

	checkpoint->active = true;
	checkpoint->begun = checkpoint->walked = false;
	checkpoint->at = 0;
	checkpoint->sliced_ns = uv_hrtime();
	checkpoint->end = checkpoint->parts = checkpoint->sequence = 0;
	if (r == 0)
		r = journal_append_begin(checkpoint->journal, wall_now(), &checkpoint->begin);
	checkpoint->bytes = journal_pending_bytes(checkpoint->journal) - before;
	if (r < 0)
		give_up(checkpoint, r);
	else
		FAILPOINT("checkpoint-begin");
}

static void complete(struct checkpoint *checkpoint)
{
	checkpoint->newest = (struct journal_checkpoint){checkpoint->begin, checkpoint->end, checkpoint->bytes};
	checkpoint->written++;
	FAILPOINT("checkpoint-complete");
	drop(checkpoint);
	journal_keep(checkpoint->journal, checkpoint->newest.begin);
}

void checkpoint_recovered(struct checkpoint *checkpoint, const struct journal_checkpoint *newest)
{
	checkpoint->newest = newest ? *newest : (struct journal_checkpoint){0};
	journal_keep(checkpoint->journal, checkpoint->newest.begin);
}

void checkpoint_turn(struct checkpoint *checkpoint, uint64_t position)
{
	if (checkpoint->active && checkpoint->end && position >= checkpoint->end)
		complete(checkpoint);
	if (!checkpoint->active && due(checkpoint))
		begin(checkpoint);
	if (checkpoint->active && !checkpoint->end)
		slice(checkpoint);
}
