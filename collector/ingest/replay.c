/* SPDX-License-Identifier: Apache-2.0 */
/* Entries go through the same join as when they came. The verdicts stored with them matter to sinks alone: joining
 * again in the same order gives the same forest, and a gap in the numbers is found again where it was found first.
 *
 * While a checkpoint is being read few are evicted: who has living children is known only at its end. */
#include "collector/ingest/replay.h"

#include <errno.h>

#include "collector/ingest/apply.h"
#include "collector/ingest/hosts.h"

struct replay {
	struct forest *forest;
	struct streams *streams;
	struct links *links;
	struct hosts hosts;
	struct replay_counts counts;
};

/* As when the entry came: those that are over by then make room. */
static int get_host(struct replay *replay, const struct boot_id *boot, const struct journal_entry *entry,
		    struct forest_host **ret, struct link **ret_link)
{
	int r = hosts_get(&replay->hosts, boot, NULL, entry->received_wall_ns, ret, ret_link);

	if (r == 0 && !journal_is_checkpoint(entry))
		link_seen(*ret_link, entry->position, entry->received_wall_ns);
	return r;
}

static int skip_refused(struct replay *replay, int r)
{
	replay->counts.refused += r == -ENOSPC;
	return r == -ENOSPC ? 0 : r; /* bounds were made smaller since: said at start, no reason to stay down */
}

static int replay_batch(struct replay *replay, const struct journal_entry *from)
{
	const struct batch *batch = &from->batch;
	struct apply_counts counts = {0};
	struct stream_entry *entry;
	struct forest_host *host;
	struct link *link;
	int r = get_host(replay, &batch->id.boot, from, &host, &link);

	if (r == 0)
		r = streams_get(replay->streams, &batch->id.boot, batch->id.stream, &entry);
	if (r < 0)
		return skip_refused(replay, r);
	if (entry->next != 0 && batch->id.seq > entry->next)
		apply_sequence_gap(replay->forest, host, entry, batch);
	if (batch->fact_count > 0)
		forest_restore_told(host, batch->facts[0].time_ns);
	apply_batch(replay->forest, host, batch, NULL, &counts);
	stream_take(entry, batch->id.seq, apply_newest(batch));
	stream_remember(entry, batch->id.seq, from->checksum);
	entry->durable = entry->next - 1;
	replay->counts.batches++;
	replay->counts.facts += batch->fact_count;
	replay->counts.refused += counts.facts_refused;
	(void)forest_evict(replay->forest);
	return 0;
}

static int replay_host(struct replay *replay, const struct journal_entry *from)
{
	const struct hello *hello = &from->hello;
	struct forest_host *host;
	struct link *link;
	int r = get_host(replay, &hello->boot, from, &host, &link);

	if (r == 0)
		r = forest_host_describe(replay->forest, host, hello);
	if (r < 0)
		return skip_refused(replay, r);
	if (hello->machine_id_known)
		link_bind(link, hello->machine_id);
	link->description = link_digest(hello);
	link->described_at = from->position;
	replay->counts.hosts++;
	return 0;
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

/* A state of before those two were told is of a boot that was there then. */
static void restore_link(struct link *link, const struct journal_entry *from)
{
	const struct boot_state *state = &from->state;

	link->sequence_gaps = state->sequence_gaps;
	link->restored_at = from->position;
	if (link->position == 0)
		link->seen_wall_ns = state->seen_wall_ns; /* not when the checkpoint was written */
	link_seen(link, state->last_record ? state->last_record : from->position,
		  state->seen_wall_ns ? state->seen_wall_ns : from->received_wall_ns);
}

static int restore_state(struct replay *replay, const struct journal_entry *from)
{
	const struct boot_state *state = &from->state;
	struct forest_host *host;
	struct link *link;
	int r = get_host(replay, &state->boot, from, &host, &link);

	if (r == 0)
		r = forest_restore_host(replay->forest, host, state);
	if (r == 0)
		r = streams_restore(replay->streams, state);
	if (r < 0)
		return skip_refused(replay, r);
	restore_link(link, from);
	return 0;
}

static int restore_processes(struct replay *replay, const struct journal_entry *from)
{
	const struct batch *batch = &from->batch;
	struct forest_host *host;
	struct link *link;
	int r = get_host(replay, &batch->id.boot, from, &host, &link);

	for (size_t i = 0; i < batch->fact_count && r == 0; i++) {
		r = forest_restore(replay->forest, host, (unsigned)batch->id.stream, &batch->facts[i],
				   batch->boottime_to_wall_ns);
		replay->counts.restored += r == 0;
		r = skip_refused(replay, r);
	}
	return skip_refused(replay, r);
}

static int replay_entry(struct replay *replay, const struct journal_entry *entry)
{
	switch (entry->type) {
	case JOURNAL_BATCH:
		return replay_batch(replay, entry);
	case JOURNAL_HOST:
	case JOURNAL_CHECKPOINT_HOST:
		return replay_host(replay, entry);
	case JOURNAL_CHECKPOINT_BEGIN:
		forest_restore_begin(replay->forest);
		replay->hosts.keep_from = entry->position; /* what is being restored has no processes yet */
		return 0;
	case JOURNAL_CHECKPOINT_STATE:
		return restore_state(replay, entry);
	case JOURNAL_CHECKPOINT_PROCESSES:
		return restore_processes(replay, entry);
	case JOURNAL_CHECKPOINT_END:
		replay->hosts.keep_from = 0;
		forest_restore_end(replay->forest);
		return 0;
	}
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int replay_entries(struct replay *replay, struct journal_reader *reader, struct arena *arena)
{
	struct journal_entry entry;
	int r;

	for (;;) {
		arena_reset(arena);
		r = journal_reader_next(reader, arena, &entry);
		if (r == JOURNAL_E_END)
			return 0;
		if (r < 0)
			return r;
		if (r == JOURNAL_E_HOLE) {
			replay->counts.holes++;
			continue;
		}
		r = replay_entry(replay, &entry);
		if (r < 0)
			return r;
	}
}

/* The first position that is close enough to the newest checkpoint, or that checkpoint. */
static int choose_beginning(struct journal *journal, uint64_t history_bytes, struct replay_counts *counts)
{
	struct journal_checkpoint found;
	int r = journal_find_checkpoint(journal, UINT64_MAX, &found);

	counts->from = journal_first(journal);
	if (r < 0 || r == JOURNAL_E_END)
		return r < 0 ? r : 0;
	counts->checkpoint = found;
	if (counts->from == 1 && journal_bytes(journal) <= history_bytes)
		return 0;
	counts->from = found.begin;
	while (journal_find_checkpoint(journal, counts->from, &found) == 0 &&
	       journal_bytes_from(journal, found.begin) <= history_bytes)
		counts->from = found.begin;
	return 0;
}

int replay_journal(struct journal *journal, struct forest *forest, struct streams *streams, struct links *links,
		   uint64_t history_bytes, struct replay_counts *ret)
{
	struct replay replay = {.forest = forest, .streams = streams, .links = links};
	struct journal_reader *reader;
	struct arena arena = ARENA_NULL;
	int r = choose_beginning(journal, history_bytes, &replay.counts);

	if (r == 0)
		r = journal_reader_open(&reader, journal, replay.counts.from);
	if (r < 0)
		return r;
	hosts_init(&replay.hosts, forest, streams, links);
	journal_reader_want_checkpoints(reader);
	r = replay_entries(&replay, reader, &arena);
	forest_restore_end(forest); /* of one that was not completed, too */
	hosts_finish(&replay.hosts);
	arena_finish(&arena);
	journal_reader_close(reader);
	if (r == 0)
		*ret = replay.counts;
	return r;
}
