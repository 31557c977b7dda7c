/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a host's tree that is to be shown: processes that were asked for and the branches that lead to them.
 * Holds identities, no pointers into the forest. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_GROVE_H
#define CANOPY_COLLECTOR_CONSOLE_API_GROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/forest/forest.h"

#define GROVE_MAX 200000u  /* processes of one host in one answer: some 10 MB */
#define GROVE_NONE UINT32_MAX

struct grove_node {
	struct process_key key;
	uint32_t parent, child_first,
	    sibling_next; /* indexes or GROVE_NONE; links to children stand after grove_grow */
	uint32_t child_count;
	uint32_t depth;
	bool match;      /* asked for itself */
	bool carried;    /* below one that was asked for */
};

struct grove {
	struct grove_node *nodes; /* owned */
	uint32_t count, capacity;
	uint32_t *index;          /* owned: hash table of node numbers + 1, 0 = empty */
	uint32_t index_size;      /* a power of two */
	uint32_t root_first;
	bool full;                /* some had no room */
};

void grove_finish(struct grove *grove);
void grove_clear(struct grove *grove);

/* Takes the node and all its ancestors. Errors: -ENOMEM. */
int grove_add(struct grove *grove, const struct forest_node *node, bool match, bool carried);
/* GROVE_NONE when it is not there. */
uint32_t grove_find(const struct grove *grove, struct process_key key);
/* Links children in the order of their start. Errors: -ENOMEM. */
int grove_grow(struct grove *grove);
/* The next one in depth-first order that is not deeper than depth_max; GROVE_NONE to begin and at the end. */
uint32_t grove_next(const struct grove *grove, uint32_t at, uint32_t depth_max);

#endif
