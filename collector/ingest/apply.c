/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here fails: the batch goes to the journal in any case, and what the forest cannot hold becomes a gap that
 * people see. */
#include "collector/ingest/apply.h"

#define AHEAD 3u /* facts: joining one takes some hundred ns, as a miss of the cache does, and one may need two in turn */

static void note_refused(struct gap *gap, const struct fact *fact)
{
	if (gap->count == 0 || fact->time_ns < gap->from_ns)
		gap->from_ns = fact->time_ns;
	if (fact->time_ns > gap->to_ns)
		gap->to_ns = fact->time_ns;
	gap->count++;
}

static void mark(uint8_t *bits, size_t at)
{
	bits[at / 8] |= (uint8_t)(1u << at % 8);
}

void apply_batch(struct forest *forest, struct forest_host *host, const struct batch *batch,
		 const struct apply_verdict *verdict, struct apply_counts *counts)
{
	struct gap refused = {.reason = GAP_FOREST_FULL};
	size_t expected = 0;
	bool is_new;

	forest_batch_begin(forest);
	for (size_t i = 0; i < batch->fact_count; i++) {
		const struct fact *fact = &batch->facts[i];

		while (expected < batch->fact_count && expected < i + AHEAD)
			forest_expect(forest, &batch->facts[expected++]);
		is_new = true;
		if (forest_apply(forest, host, fact, batch->boottime_to_wall_ns, &is_new) < 0)
			note_refused(&refused, fact);
		if (is_new && verdict)
			mark(verdict->facts, i);
		if (fact->type < 5)
			(is_new ? counts->facts_new : counts->facts_known)[fact->type]++;
	}
	forest_batch_end(forest);
	for (size_t i = 0; i < batch->gap_count; i++) {
		is_new = true;
		(void)forest_apply_gap(forest, host, &batch->gaps[i], &is_new);
		if (is_new && verdict)
			mark(verdict->gaps, i);
	}
	for (size_t i = 0; i < batch->snapshot_count; i++)
		(void)forest_apply_snapshot(forest, host, &batch->snapshots[i]);
	if (refused.count > 0)
		(void)forest_apply_gap(forest, host, &refused, &is_new);
	counts->facts_refused += refused.count;
	if (verdict) /* a replay does so itself */
		(void)forest_evict(forest);
}

static uint64_t oldest(const struct batch *batch)
{
	uint64_t time_ns = UINT64_MAX;

	for (size_t i = 0; i < batch->fact_count; i++) {
		if (batch->facts[i].time_ns < time_ns)
			time_ns = batch->facts[i].time_ns;
	}
	return batch->fact_count ? time_ns : 0;
}

void apply_sequence_gap(struct forest *forest, struct forest_host *host, const struct stream_entry *entry,
			const struct batch *batch)
{
	struct gap gap = {.reason = GAP_SEQUENCE, .from_ns = entry->last_ns, .to_ns = oldest(batch)};
	bool is_new;

	if (gap.to_ns < gap.from_ns)
		gap.to_ns = gap.from_ns;
	(void)forest_apply_gap(forest, host, &gap, &is_new);
}

uint64_t apply_newest(const struct batch *batch)
{
	uint64_t time_ns = 0;

	for (size_t i = 0; i < batch->fact_count; i++) {
		if (batch->facts[i].time_ns > time_ns)
			time_ns = batch->facts[i].time_ns;
	}
	return time_ns;
}
