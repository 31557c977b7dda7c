/* SPDX-License-Identifier: Apache-2.0 */
/* What one fact says of the changing sides of a process: its parent now, group, session, terminal, context. */
#ifndef CANOPY_COLLECTOR_FOREST_FACET_H
#define CANOPY_COLLECTOR_FOREST_FACET_H

#include "collector/forest/pool.h"

/* What a facet can speak of, beside enum context_mask. */
enum facet_mask {
	FACET_JOB = 1 << CONTEXT_BITS, /* pgid, sid, tty */
	FACET_PARENT = 1 << (CONTEXT_BITS + 1),
	FACET_ALIVE = 1 << (CONTEXT_BITS + 2), /* the fact's own moment: every fact speaks of it */
};

struct facet {
	uint64_t time_ns;
	struct context *context;   /* reference held */
	struct process_key parent; /* at this moment */
	uint32_t pgid, sid, tty;
	uint16_t mask; /* enum context_mask | enum facet_mask */
	uint8_t rank;  /* of the fact's type at equal times */
	uint8_t type;  /* enum fact_type */
};

/* A facet behind the newest one, kept because it speaks of something that no newer one does. */
struct facet_link {
	struct facet_link *older;
	struct facet facet;
};

/* context: a reference that the facet takes over. */
struct facet facet_make(const struct fact *fact, struct context *context);
/* Total order over facts: time, type, content. */
int facet_compare(const struct facet *a, const struct facet *b);

#endif
