/* SPDX-License-Identifier: Apache-2.0 */
/* One host boot: its nodes in their tables, what is known of the boot itself, and its place in the forest. */
#ifndef CANOPY_COLLECTOR_FOREST_HOST_H
#define CANOPY_COLLECTOR_FOREST_HOST_H

#include "collector/forest/description.h"
#include "collector/forest/eras.h"
#include "collector/forest/forest.h"
#include "collector/forest/gaps.h"
#include "collector/forest/timeline.h"
#include "collector/forest/registry.h"

struct machine;

/* Nodes in a list through place_prev and place_next. */
struct node_list {
	uint32_t first, last, count;
};

struct forest_host {
	struct intern intern; /* first: hosts stand in a table by boot */
	struct forest *forest;
	struct pool *pool; /* the forest's */
	struct boot_id boot;

	struct slab slab;
	struct registry registry;
	struct timeline timeline;
	struct process_key newest;  /* no node, not even an evicted one, has a greater key */
	struct node_list places[5]; /* by enum node_place */
	uint64_t states[3];         /* processes by enum process_state */
	uint64_t spent_bytes;       /* charge of all in PLACE_SPENT */
	uint64_t held_bytes;        /* likewise in PLACE_HELD */
	uint32_t heap_at;           /* place in the forest's heap */
	uint32_t ordered_at;        /* place in the forest's list by name */
	uint32_t vague_count;       /* nodes with NODE_VAGUE */
	bool vague_dirty;           /* their parents are to be looked up anew */

	struct description *description; /* owned; NULL = none yet */
	struct machine *machine;         /* NULL = unknown */
	struct forest_host *machine_next;
	bool rebooted; /* as of the machine's last look */

	uint64_t snapshot_ns; /* begin of the newest completed snapshot; 0 = none */
	uint64_t horizon_ns;  /* newest end of a process that was evicted or not restored: facts up to here may be of one
				 that is held no more; 0 = there is none */
	uint64_t first_fact_ns, last_fact_ns;
	uint64_t clock_ns; /* boottime of what told offset_ns */
	int64_t offset_ns; /* boottime to wall; the newest */
	bool clock_known, fact_known;
	struct eras eras;
	uint8_t first_fact_era;
	uint64_t facts[5];
	uint64_t evicted;
	uint64_t told_from_ns; /* while a checkpoint is being read: boottime of what was told since it began; 0 = nothing was */
	struct gaps gaps, filtered; /* what was lost; what was left out on request */

	struct forest_host *touched_next; /* of those that facts came for since the last eviction */
	bool touched;
};

int host_create(struct forest_host **ret, struct forest *forest, const struct boot_id *boot);
void host_destroy(struct forest_host *host); /* takes NULL and half-built ones */

/* The host's wall clock at this boottime, INT64_MIN when nothing has told it. */
int64_t host_wall(const struct forest_host *host, uint64_t boottime_ns);
/* The same by the clock of an era. */
int64_t host_wall_at(const struct forest_host *host, uint64_t boottime_ns, uint8_t era);
/* Boottime to wall by that clock. */
int64_t host_offset(const struct forest_host *host, uint8_t era);
/* Notes that a fact of this moment came. */
void host_note(struct forest_host *host, uint64_t time_ns, uint8_t era);
/* Notes that the host's clock was heard. */
void host_heard(struct forest_host *host, uint64_t boottime_ns, int64_t offset_ns);
/* Wall clock of the last sight of this boot, INT64_MIN = never. */
int64_t host_last_seen(const struct forest_host *host);
struct bytes host_name(const struct forest_host *host);
/* Whether it was evicted, and not long ago, and nothing has been told of it since. */
bool host_is_buried(const struct forest_host *host, struct process_key key);
/* The next eviction looks at it. */
void host_touch(struct forest_host *host);
/* By name, then boot. */
int host_compare(const struct forest_host *a, const struct forest_host *b);
/* Brings up to date what is looked up lazily: whether the boot is over, and vague parents. */
void host_refresh(struct forest_host *host);

static inline struct forest_node *host_node(const struct forest_host *host, uint32_t ref)
{
	return slab_find(&host->slab, ref);
}

static inline struct forest_node *host_find(const struct forest_host *host, struct process_key key)
{
	if (key_compare(key, host->newest) > 0)
		return NULL; /* the usual fork: nothing to look for */
	return registry_find(&host->registry, &host->slab, key);
}

/* A node that nobody has spoken of before. Errors: -ENOMEM, -ENOSPC. */
int host_add_node(struct forest_host *host, struct process_key key, struct forest_node **ret);
/* Takes the node, which has no children and no parent any more, out of everything and gives it back. */
void host_remove_node(struct forest_host *host, struct forest_node *node);

#endif
