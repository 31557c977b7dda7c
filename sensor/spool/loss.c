/* SPDX-License-Identifier: Apache-2.0 */
/* Whole batches are decoded for it: that costs some ten milliseconds a segment of 8 MiB, and only when a segment is
 * lost; keeping counts beside the log would cost at each append, when nothing is. */
#include "sensor/spool/loss.h"

#include "canopy/arena.h"
#include "proto/batch/decoder.h"

static void widen(struct loss *loss, uint64_t from_ns, uint64_t to_ns)
{
	if (!loss->timed || from_ns < loss->from_ns)
		loss->from_ns = from_ns;
	if (!loss->timed || to_ns > loss->to_ns)
		loss->to_ns = to_ns;
	loss->timed = true;
}

/* Times of two boots cannot be compared: the newer boot's count. */
static void enter_boot(struct loss *loss, const struct boot_id *boot)
{
	if (loss->timed && !boot_id_equal(&loss->boot, boot))
		loss->timed = false;
	loss->boot = *boot;
}

static void add(struct loss *loss, const struct batch *batch)
{
	enter_boot(loss, &batch->id.boot);
	for (size_t i = 0; i < batch->fact_count; i++)
		widen(loss, batch->facts[i].time_ns, batch->facts[i].time_ns);
	loss->facts += batch->fact_count;
	for (size_t i = 0; i < batch->gap_count; i++) {
		const struct gap *gap = &batch->gaps[i];

		if (gap->to_ns)
			widen(loss, gap->from_ns, gap->to_ns);
		loss->facts += gap->count;
		loss->uncounted = loss->uncounted || gap->count == 0;
	}
}

void loss_add_batch(struct loss *loss, const uint8_t *batch, size_t len)
{
	struct arena arena = ARENA_NULL;
	struct batch decoded;

	loss->batches++;
	if (batch_decode(&arena, batch, len, &decoded, NULL) == 0)
		add(loss, &decoded);
	else
		loss->uncounted = true;
	arena_finish(&arena);
}

void loss_add_unknown(struct loss *loss, uint64_t batches)
{
	loss->batches += batches;
	loss->uncounted = true;
}

/* First and last time of a batch; false when it has none. */
static bool times(const uint8_t *data, size_t len, struct boot_id *ret_boot, uint64_t *ret_from, uint64_t *ret_to)
{
	struct arena arena = ARENA_NULL;
	struct loss one = LOSS_NULL;
	struct batch batch;

	if (data && batch_decode(&arena, data, len, &batch, NULL) == 0)
		add(&one, &batch);
	arena_finish(&arena);
	*ret_boot = one.boot;
	*ret_from = one.from_ns;
	*ret_to = one.to_ns;
	return one.timed;
}

void loss_set_neighbours(struct loss *loss, const uint8_t *before, size_t before_len, const uint8_t *after,
			 size_t after_len)
{
	struct boot_id boot_before, boot_after;
	uint64_t from, last, first, to;

	if (!times(before, before_len, &boot_before, &from, &last) ||
	    !times(after, after_len, &boot_after, &first, &to))
		return;
	if (!boot_id_equal(&boot_before, &boot_after))
		return;
	enter_boot(loss, &boot_after);
	widen(loss, last < first ? last : first, last < first ? first : last);
}

struct gap loss_gap(const struct loss *loss, enum gap_reason reason, const struct boot_id *now)
{
	struct gap gap = {.reason = reason, .count = loss->uncounted ? 0 : loss->facts};

	if (loss->timed && boot_id_equal(&loss->boot, now)) {
		gap.from_ns = loss->from_ns;
		gap.to_ns = loss->to_ns;
	}
	return gap;
}
