// SPDX-License-Identifier: Apache-2.0
/* The kernel side counts; this compares with what it had counted before. The interval of a gap comes from the losses
 * themselves where they are dated (a full ring), and is the time between two looks where they are not (skipped runs). */
#include "sensor/probe/losses.h"

static void tell(const struct probe_sink *sink, const struct gap *gap)
{
	if (sink->gap)
		sink->gap(sink->owner, gap);
}

/* Returns 1 when there were more than before. */
static int tell_more(uint64_t *told, uint64_t counted, struct gap gap, const struct probe_sink *sink)
{
	if (counted == *told)
		return 0;
	gap.count = counted - *told;
	*told = counted;
	tell(sink, &gap);
	return 1;
}

static int collect_lost(struct losses *losses, struct program *program, enum event_type type, uint64_t now_ns,
			const struct probe_sink *sink)
{
	struct event_count count;
	struct gap gap = {.type = type, .reason = GAP_RING_FULL};
	int r = program_count(program, type, &count);

	if (r < 0)
		return r;
	/* A loss in the instant between two epochs is undated: it fell after the last look. */
	gap.from_ns = count.first_ns ? count.first_ns : losses->looked_ns;
	gap.to_ns = count.last_ns ? count.last_ns : now_ns;
	r = tell_more(&losses->lost[type], count.lost, gap, sink);
	gap.reason = GAP_MAP_FAILED;
	return r + tell_more(&losses->failed[type], count.failed, gap, sink);
}

/* Skipped and not rescued, beyond what was told. The second copy can also do what the first one had done (its mark was overwritten meanwhile): such a
 * rescue of nothing must not stand for a later loss, so what it makes of the difference is forgotten at each look. Not where more was skipped during
 * the look itself: there a rescue may be counted whose skip is not. */
static uint64_t newly_missed(int64_t *net, struct skips skips)
{
	int64_t balance = (int64_t)(skips.skipped - skips.rescued);

	if (balance < *net && skips.settled)
		*net = balance;
	return balance > *net ? (uint64_t)(balance - *net) : 0;
}

/* What is skipped counts at once, and its rescue follows right behind, unless whoever is about to do it waits for the CPU: so it gets the time of one
 * more look. */
static int collect_missed(struct losses *losses, const struct program *program, enum event_type type, uint64_t now_ns,
			  bool last, const struct probe_sink *sink)
{
	struct gap gap = {.type = type, .reason = GAP_RECURSION, .from_ns = losses->looked_ns, .to_ns = now_ns};
	uint64_t missed = newly_missed(&losses->net[type], program_skips(program, type)), lost = missed;

	if (program->doubled && !last) {
		if (lost > losses->suspects[type])
			lost = losses->suspects[type];
		gap.to_ns = losses->looked_ns;
	}
	if (losses->suspects[type] > 0)
		gap.from_ns = losses->before_ns;
	losses->suspects[type] = missed - lost;
	losses->net[type] += (int64_t)lost;
	return tell_more(&losses->missed[type], losses->missed[type] + lost, gap, sink);
}

uint64_t losses_missed(const struct losses *losses, const struct program *program, enum event_type type)
{
	int64_t net = losses->net[type];

	return losses->missed[type] + newly_missed(&net, program_skips(program, type));
}

bool losses_suspected(const struct losses *losses)
{
	uint64_t suspects = 0;

	for (enum event_type type = EVENT_FORK; type < EVENT_TYPES; type++)
		suspects += losses->suspects[type];
	return suspects > 0;
}

int losses_collect(struct losses *losses, struct program *program, uint64_t now_ns, bool last, const struct probe_sink *sink)
{
	int gaps = 0;

	for (enum event_type type = EVENT_FORK; type < EVENT_TYPES; type++) {
		int r = collect_lost(losses, program, type, now_ns, sink);

		if (r < 0)
			return r;
		gaps += r + collect_missed(losses, program, type, now_ns, last, sink);
	}
	program_next_epoch(program);
	losses->before_ns = losses->looked_ns;
	losses->looked_ns = now_ns;
	return gaps;
}
