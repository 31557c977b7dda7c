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

static int collect_missed(struct losses *losses, const struct program *program, enum event_type type, uint64_t now_ns,
			  const struct probe_sink *sink)
{
	uint64_t missed = program_missed(program, type);

	if (missed <= losses->missed[type])
		return 0;
	tell(sink, &(struct gap){
		.type = type,
		.reason = GAP_RECURSION,
		.from_ns = losses->looked_ns,
		.to_ns = now_ns,
		.count = missed - losses->missed[type],
	});
	losses->missed[type] = missed;
	return 1;
}

int losses_collect(struct losses *losses, struct program *program, uint64_t now_ns, const struct probe_sink *sink)
{
	int gaps = 0;

	for (enum event_type type = EVENT_FORK; type < EVENT_TYPES; type++) {
		int r = collect_lost(losses, program, type, now_ns, sink);

		if (r < 0)
			return r;
		gaps += r + collect_missed(losses, program, type, now_ns, sink);
	}
	program_next_epoch(program);
	losses->looked_ns = now_ns;
	return gaps;
}
