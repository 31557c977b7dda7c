/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials, namespaces and cgroup, held once for the whole forest. Reference counted. */
#ifndef CANOPY_COLLECTOR_FOREST_CONTEXT_H
#define CANOPY_COLLECTOR_FOREST_CONTEXT_H

#include "canopy/fact.h"
#include "collector/forest/intern.h"
#include "collector/forest/memo.h"

/* What a context can speak of, each on its own: a dying process has lost its namespaces, which must not wipe out what
 * was known. */
enum context_mask {
	CONTEXT_IDS = 1 << 0, /* ids, their user's name, capabilities */
	CONTEXT_NS_MNT = 1 << 1,
	CONTEXT_NS_PID = 1 << 2,
	CONTEXT_NS_NET = 1 << 3,
	CONTEXT_NS_USER = 1 << 4,
	CONTEXT_NS_UTS = 1 << 5,
	CONTEXT_NS_IPC = 1 << 6,
	CONTEXT_NS_CGROUP = 1 << 7,
	CONTEXT_CGROUP = 1 << 8,
	CONTEXT_NODENAME = 1 << 9,
	CONTEXT_NS_TIME = 1 << 10,
};
#define CONTEXT_BITS 11

struct context {
	struct intern intern;
	uint32_t mask; /* enum context_mask: what value knows */
	uint32_t text_len;
	struct fact_context value; /* its strings point into text */
	char text[];
};

struct contexts {
	struct intern_table table;
	struct memory *memory; /* borrowed */
	struct context *last;  /* the last one asked for: facts come in runs. Not a reference; NULL when it went */
	uint64_t seed;
	struct memo memo; /* of the rows of a batch */
};

void contexts_finish(struct contexts *contexts);
/* *ret is a reference of the caller's. Errors: -ENOMEM. */
int contexts_get(struct contexts *contexts, const struct fact_context *value, struct context **ret);
/* Gives back what the memo held, and closes it. */
void contexts_forget(struct contexts *contexts);
void contexts_put(struct contexts *contexts, struct context *context); /* takes NULL */

static inline struct context *context_ref(struct context *context)
{
	if (context)
		context->intern.refs++;
	return context;
}

/* Total order by content; the same pointer is the same content. */
int context_compare(const struct context *a, const struct context *b);
/* Copies what mask says from one context to another. */
void context_copy(struct fact_context *to, const struct fact_context *from, uint32_t mask);
/* The context that knows nothing. */
struct fact_context context_unknown(void);

#endif
