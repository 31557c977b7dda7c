/* SPDX-License-Identifier: Apache-2.0 */
/* Entries go through the same join as when they came. The verdicts stored with them matter to sinks alone: joining
 * again in the same order gives the same forest, and a gap in the numbers is found again where it was found first. */
#include "collector/ingest/replay.h"

#include <errno.h>

#include "collector/ingest/apply.h"

struct replay {
	struct forest *forest;
	struct streams *streams;
	struct links *links;
	struct replay_counts counts;
};

static int replay_batch(struct replay *replay, const struct batch *batch)
{
	struct apply_counts counts = {0};
	struct stream_entry *entry;
	struct forest_host *host;
	int r = forest_host_get(replay->forest, &batch->id.boot, &host);

	if (r == 0)
		r = streams_get(replay->streams, &batch->id.boot, batch->id.stream, &entry);
	if (r == -ENOSPC) {
		replay->counts.refused++; /* bounds were made smaller since: said at start, no reason to stay down */
		return 0;
	}
	if (r < 0)
		return r;
	if (entry->next != 0 && batch->id.seq > entry->next)
		apply_sequence_gap(replay->forest, host, entry, batch);
	apply_batch(replay->forest, host, batch, NULL, &counts);
	stream_take(entry, batch->id.seq, apply_newest(batch));
	entry->durable = entry->next - 1;
	replay->counts.batches++;
	replay->counts.facts += batch->fact_count;
	replay->counts.refused += counts.facts_refused;
	return 0;
}

static int replay_host(struct replay *replay, const struct hello *hello, uint64_t position)
{
	struct forest_host *host;
	struct link *link;
	int r = forest_host_get(replay->forest, &hello->boot, &host);

	if (r == 0)
		r = forest_host_describe(replay->forest, host, hello);
	if (r == 0)
		r = links_get(replay->links, &hello->boot, &link);
	if (r == -ENOSPC) {
		replay->counts.refused++;
		return 0;
	}
	if (r < 0)
		return r;
	if (hello->machine_id_known)
		link_bind(link, hello->machine_id);
	link->description = link_digest(hello);
	link->described_at = position;
	replay->counts.hosts++;
	return 0;
}

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
		r = entry.type == JOURNAL_BATCH ? replay_batch(replay, &entry.batch)
						: replay_host(replay, &entry.hello, entry.position);
		if (r < 0)
			return r;
	}
}

int replay_journal(struct journal *journal, struct forest *forest, struct streams *streams, struct links *links,
		   struct replay_counts *ret)
{
	struct replay replay = {.forest = forest, .streams = streams, .links = links};
	struct journal_reader *reader;
	struct arena arena = ARENA_NULL;
	int r = journal_reader_open(&reader, journal, journal_first(journal));

	if (r < 0)
		return r;
	r = replay_entries(&replay, reader, &arena);
	arena_finish(&arena);
	journal_reader_close(reader);
	if (r == 0)
		*ret = replay.counts;
	return r;
}
