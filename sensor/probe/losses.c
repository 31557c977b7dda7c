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

static int64_t balance(const struct program *program, enum event_type type)
{
	struct skips skips = program_skips(program, type);

	return (int64_t)(skips.skipped - skips.rescued);
}

/* What is skipped counts at once, and its rescue only when it is done, for which whoever does it may wait for the CPU. The other way round, the second
 * copy can do what the first one had done (its mark was overwritten meanwhile): such a rescue of nothing must not stand for a later loss, and is
 * forgotten. Neither is believed before two looks agree on it. */
static int64_t agreed(int64_t before, int64_t now)
{
	if (before > 0 && now > 0)
		return before < now ? before : now;
	if (before < 0 && now < 0)
		return before > now ? before : now;
	return 0;
}

static int collect_missed(struct losses *losses, const struct program *program, enum event_type type, uint64_t now_ns,
			  bool last, const struct probe_sink *sink)
{
	bool at_once = last || !program->doubled; /* nobody will rescue it */
	struct gap gap = {.type = type, .reason = GAP_RECURSION, .from_ns = losses->looked_ns, .to_ns = now_ns};
	int64_t before = losses->drift[type], now = balance(program, type) - losses->net[type];
	int64_t known = at_once && now > 0 ? now : agreed(before, now);

	if (before > 0)
		gap.from_ns = losses->before_ns;
	if (!at_once)
		gap.to_ns = losses->looked_ns;
	losses->net[type] += known;
	losses->drift[type] = now - known;
	return tell_more(&losses->missed[type], losses->missed[type] + (known > 0 ? (uint64_t)known : 0), gap, sink);
}

uint64_t losses_missed(const struct losses *losses, const struct program *program, enum event_type type)
{
	int64_t more = balance(program, type) - losses->net[type];

	return losses->missed[type] + (more > 0 ? (uint64_t)more : 0);
}

bool losses_suspected(const struct losses *losses)
{
	for (enum event_type type = EVENT_FORK; type < EVENT_TYPES; type++) {
		if (losses->drift[type] != 0)
			return true;
	}
	return false;
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
