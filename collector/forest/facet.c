/* SPDX-License-Identifier: Apache-2.0 */
/* Each side is decided by the newest fact that speaks of it. Zero means unknown in most fields, so a fact often speaks
 * of some sides only. */
#include "collector/forest/facet.h"

static uint8_t rank_of(enum fact_type type)
{
	static const uint8_t ranks[] = {[FACT_FORK] = 0, [FACT_SNAPSHOT] = 1, [FACT_EXEC] = 2, [FACT_EXIT] = 3};

	return ranks[type];
}

struct facet facet_make(const struct fact *fact, struct context *context)
{
	return (struct facet){
	    .time_ns = fact->time_ns,
	    .context = context,
	    .parent = fact->parent,
	    .pgid = fact->pgid,
	    .sid = fact->sid,
	    .tty = fact->tty,
	    .mask = (uint16_t)(context->mask | (fact->pgid || fact->sid ? FACET_JOB : 0) |
			       (fact->parent.tgid ? FACET_PARENT : 0) | FACET_ALIVE),
	    .rank = rank_of(fact->type),
	    .type = (uint8_t)fact->type,
	};
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int facet_compare(const struct facet *a, const struct facet *b)
{
	int order;

	if ((order = compare_numbers(a->time_ns, b->time_ns)) || (order = compare_numbers(a->rank, b->rank)) ||
	    (order = compare_numbers(a->parent.start_ns, b->parent.start_ns)) ||
	    (order = compare_numbers(a->parent.tgid, b->parent.tgid)) || (order = compare_numbers(a->pgid, b->pgid)) ||
	    (order = compare_numbers(a->sid, b->sid)) || (order = compare_numbers(a->tty, b->tty)))
		return order;
	return context_compare(a->context, b->context);
}
