/* SPDX-License-Identifier: Apache-2.0 */
/* One process: cells that facts are joined into. Each cell is decided by a total order over facts, so that the order of
 * arrival leaves no trace:
 *
 *   origin   the fork, else the earliest fact that knows a parent: creation parent, creator, first comm
 *   newest   for each side (struct facet) the newest fact that speaks of it
 *   images   the set of what was told of its images
 *   exit     the earliest exit
 *
 * Everything else is derived. References between nodes are numbers (slab.h), 0 = none: half the size of pointers. */
#ifndef CANOPY_COLLECTOR_FOREST_NODE_H
#define CANOPY_COLLECTOR_FOREST_NODE_H

#include <stdbool.h>

#include "canopy/fact.h"
#include "collector/forest/facet.h"
#include "collector/forest/images.h"
#include "proto/model/process.h"

enum node_flag {
	NODE_FORK = 1 << 0,     /* a fork told of it */
	NODE_SNAPSHOT = 1 << 1, /* a snapshot told of it */
	NODE_OWN = 1 << 2,      /* a fact of its own came; others are only spoken of */
	NODE_ZOMBIE = 1 << 3,   /* a snapshot saw it dead */
	NODE_STALE = 1 << 4,    /* known only by facts from before the host's horizon (host.h) */
	NODE_VAGUE = 1 << 5,    /* its parent is known by tgid alone (vague.h) */
	NODE_KEEPS = 1 << 6,    /* counted in its parent's kept_children */
	NODE_UNSORTED = 1 << 7, /* its children are to be sorted before they are shown */
};

/* Which list of its host a node is in. */
enum node_place {
	PLACE_NONE = 0,
	PLACE_LIVE,  /* any order */
	PLACE_KEPT,  /* dead, but an ancestor of someone who lives; by end */
	PLACE_SPENT, /* may be evicted; by end */
	PLACE_HELD,  /* might be, but for a checkpoint that is still being read; by end */
};

/* The exit; the earliest of those that were told. */
struct node_exit {
	uint64_t time_ns;
	uint32_t era;
	struct fact_exit exit;
};

/* What few processes have. */
struct node_more {
	struct process_key creator; /* where it is not the parent */
	struct facet_link *older;   /* newest first */
	struct image *inherited;    /* copied down before the parent was evicted */
};

struct forest_node {
	uint64_t start_ns;
	uint32_t tgid;
	uint32_t ref;      /* its own number */
	uint8_t flags;     /* enum node_flag */
	uint8_t place;     /* enum node_place */
	uint8_t state : 4; /* enum process_state, as counted */
	uint8_t origin_rank : 4;
	uint8_t origin_era; /* by which clock the origin was told (eras.h) */
	uint32_t hash_next;
	uint32_t parent, child_first, child_last, sibling_prev, sibling_next;
	uint32_t child_count, kept_children;
	uint32_t place_prev, place_next;
	uint32_t seq_max; /* greatest ordinal that any fact named */
	uint32_t ns_tgid;
	uint32_t parent_tgid; /* creation parent, as the origin says */
	uint64_t parent_start_ns;
	uint64_t origin_ns;
	struct text *comm;   /* of the origin */
	struct facet newest; /* without NODE_OWN: its time alone, when a child was last seen with it as its parent */
	struct node_more *more;
	struct node_exit *exit;
	struct images *images;
};

static inline struct process_key node_key(const struct forest_node *node)
{
	return (struct process_key){.start_ns = node->start_ns, .tgid = node->tgid};
}

static inline struct process_key node_parent_key(const struct forest_node *node)
{
	return (struct process_key){.start_ns = node->parent_start_ns, .tgid = node->parent_tgid};
}

/* By (start, tgid): the order of everything that is shown. */
static inline int key_compare(struct process_key a, struct process_key b)
{
	if (a.start_ns != b.start_ns)
		return a.start_ns < b.start_ns ? -1 : 1;
	return (a.tgid > b.tgid) - (a.tgid < b.tgid);
}

/* When it ended as far as known: the exit, or the last sight. */
static inline uint64_t node_end_ns(const struct forest_node *node)
{
	return node->exit ? node->exit->time_ns : node->newest.time_ns;
}

/* Gives back everything that the node holds; it may be half built. */
void node_release(struct forest_node *node, struct pool *pool);
/* Bytes that the node is charged for when the budget of the dead is counted: strings in full, however many hold them.
 */
size_t node_charge(const struct forest_node *node);
/* The creator: that of the fork, or the parent where the fork does not tell them apart. */
struct process_key node_creator(const struct forest_node *node);

#endif
