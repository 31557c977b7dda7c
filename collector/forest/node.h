/* SPDX-License-Identifier: Apache-2.0 */
/* One process: cells that facts are joined into. Each cell is decided by a total order over facts, so that the order of arrival leaves no
 * trace:
 *
 *   birth   the fork, else the earliest fact: creation parent and creator
 *   seen    the newest fact that is no exit: current parent, group, session, terminal, context, comm
 *   images  one for each exec, plus one for each ordinal that a snapshot found
 *   end     the earliest exit */
#ifndef CANOPY_COLLECTOR_FOREST_NODE_H
#define CANOPY_COLLECTOR_FOREST_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv/tree.h>

#include "canopy/arena.h"
#include "canopy/fact.h"
#include "collector/forest/text.h"
#include "proto/model/process.h"

struct forest_host;

/* Two sensors see one exec some microseconds apart, and a sensor that came later counts its ordinals from its own snapshot. Execs of one process with
 * the same path and arguments are therefore one when they are this close; an exec itself takes longer than the first bound. */
#define IMAGE_SAME_NS 200000ull
#define IMAGE_SAME_SEQ_NS 1000000ull /* when the ordinals agree as well: room for a hook that was preempted */

struct forest_image {
	struct forest_image *next; /* by time */
	uint64_t time_ns;
	int64_t offset_ns;         /* boottime to wall */
	uint64_t argv_bytes, exe_inode, exe_ctime_ns;
	uint32_t seq, flags, exe_dev, exe_mode, exe_nlink;
	bool snapshot;             /* seen running, not executed under our eyes */
	struct text *comm, *exe, *script, *interpreter, *cwd, *argv;
};

struct forest_birth {
	uint64_t time_ns;
	int64_t offset_ns;
	struct process_key parent, creator;
	bool fork; /* told by a fork: nothing else can decide it */
	bool known;
};

struct forest_seen {
	uint64_t time_ns; /* 0 = nothing yet */
	struct process_key parent;
	uint32_t pgid, sid, tty;
	struct text *context, *comm;
	uint8_t type;
};

struct forest_end {
	uint64_t time_ns; /* 0 = no exit */
	int64_t offset_ns;
	uint32_t ppid, pgid, sid, tty;
	struct text *context, *comm;
	struct fact_exit exit;
};

struct forest_node {
	RB_ENTRY(forest_node) order; /* by (start, tgid) in its host */
	struct forest_node *hash_next;
	struct forest_host *host;
	struct process_key key;
	uint32_t ns_tgid;
	uint32_t child_count;
	struct forest_node *parent, *child_first, *child_last, *sibling_prev, *sibling_next;
	struct forest_node *exited_prev, *exited_next; /* the host's exited processes by time of end, evictable ones only */
	struct forest_birth birth;
	struct forest_seen seen;
	struct forest_end *end;      /* owned; NULL = no exit */
	struct forest_image *images; /* owned */
	uint64_t alive_ns;           /* newest evidence of life */
	uint8_t counted;             /* as what the host counts it: enum process_state + 1, 0 = not yet */
	bool snapshot;               /* a snapshot listed it */
	bool zombie;
};

struct forest_node *node_create(struct forest_host *host, struct process_key key);
void node_destroy(struct text_table *texts, struct forest_node *node);
/* Bytes of the node itself, texts not counted. */
size_t node_bytes(const struct forest_node *node);

/* Joins a fact about this very process. scratch may be used and reset. *ret_new as forest_apply. Errors: -ENOMEM, the node is then as before or has gained
 * parts of the fact, which the fact's next coming completes. */
int node_join(struct text_table *texts, struct arena *scratch, struct forest_node *node, const struct fact *fact, int64_t offset_ns, bool *ret_new);

/* -1, 0, 1 by (start, tgid) */
static inline int key_compare(struct process_key a, struct process_key b)
{
	if (a.start_ns != b.start_ns)
		return a.start_ns < b.start_ns ? -1 : 1;
	return (a.tgid > b.tgid) - (a.tgid < b.tgid);
}

void node_link(struct forest_node *parent, struct forest_node *child);
void node_unlink(struct forest_node *child);

#endif
