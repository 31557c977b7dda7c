/* SPDX-License-Identifier: Apache-2.0 */
/* The forest: the processes of all host boots, joined from facts.
 *
 * It is a join in the sense of lattices: applying any facts in any order, any number of times, gives the same forest.
 * Nothing is ever taken back; every attribute is decided by the newest fact that speaks of it (by boottime, then by
 * fact type, then by content), so that the order of arrival leaves no trace. A fact about an unknown process makes a
 * placeholder that later facts fill.
 *
 * Only one thread uses a forest. */
#ifndef CANOPY_COLLECTOR_FOREST_FOREST_H
#define CANOPY_COLLECTOR_FOREST_FOREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/fact.h"
#include "proto/model/process.h"
#include "proto/wire/message.h"
#include "proto/wire/state.h"

struct forest;
struct forest_host; /* one host boot */
struct forest_node; /* one process */

struct forest_options {
	uint64_t exited_bytes_max; /* budget for exited processes, whole forest; the oldest exited go first, live ones
				      never */
	uint64_t held_bytes_max;   /* while a checkpoint is being read: those who have ended and may have children in it; the oldest go first */
	uint64_t exited_keep_ns;   /* how long an exited process stays, by host boottime; 0 = only the budget counts */
	uint32_t hosts_max;        /* host boots; one more is refused */
	uint64_t nodes_max;        /* processes, whole forest, alive or not; the oldest exited make room, then what would need
				      one more is refused */
	uint32_t nodes_per_host_max;
};
#define FOREST_OPTIONS_DEFAULT                                                                                         \
	((struct forest_options){                                                                                      \
	    .exited_bytes_max = 256u << 20, .held_bytes_max = 576u << 20, .exited_keep_ns = 0, .hosts_max = 20000,         \
	    .nodes_max = 20000000, .nodes_per_host_max = 8u << 20})

int forest_create(struct forest **ret, const struct forest_options *options);
void forest_destroy(struct forest *forest);

/* ---- applying ------------------------------------------------------------------------------------------------ */

/* The host boot with this id, made when it is new. Errors: -ENOMEM, -ENOSPC (hosts_max). */
int forest_host_get(struct forest *forest, const struct boot_id *boot, struct forest_host **ret);
struct forest_host *forest_host_find(const struct forest *forest, const struct boot_id *boot);
/* Whether the boot has ended as far as is known: a later one of its machine began, or nothing lives there, or it never said
 * hello and was only spoken for by the boot after it. */
bool forest_host_is_over(struct forest_host *host);
/* Forgets a host boot with all its processes, which count as evicted: the way out of -ENOSPC above. Those that live there go
 * too; the caller has judged that nothing does. Whoever holds the pointer must not use it again. */
void forest_host_forget(struct forest *forest, struct forest_host *host);
/* How many host boots there are, and may be. */
void forest_host_room(const struct forest *forest, uint32_t *ret_held, uint32_t *ret_max);

/* Attributes of a host boot as its sensor's Hello says; the newest by boottime_ns wins. Copies what it needs. Errors:
 * -ENOMEM. */
int forest_host_describe(struct forest *forest, struct forest_host *host, const struct hello *hello);

/* A boot of this machine that another forest holds began then, by wall clock: boots here that ended before are over.
 * Returns the latest beginning of a boot of it here, INT64_MIN when there is none (what was told is then forgotten). */
int64_t forest_machine_elsewhere(struct forest *forest, const uint8_t machine_id[16], int64_t begin_wall_ns);

/* Between the two, what facts point to stays as it is: a string or a context at the same address is the same one. Joining
 * a batch then costs less; nothing else changes. */
void forest_batch_begin(struct forest *forest);
void forest_batch_end(struct forest *forest);
/* A fact of the batch that will be joined soon, told in their order: what joining it will look at is fetched into the cache meanwhile. */
void forest_expect(struct forest *forest, const struct fact *fact);

/* Memory for what comes next, made ready by another thread (memory.h). wants and keep: as any other call on a forest; prefault:
 * anywhere, NULL = out of memory, which keep takes. */
bool forest_wants_region(const struct forest *forest);
void *forest_prefault(void);
void forest_keep_region(struct forest *forest, void *region);

/* Joins one fact. *ret_new: whether it said anything that was not known, which is what sinks and followers go by; the
 * same fact from a second sensor is not new. boottime_to_wall_ns is that of the fact's batch. Errors: -ENOMEM, -ENOSPC
 * (nodes_max, nodes_per_host_max); the forest is then as before, save for the dead that were to make room. */
int forest_apply(struct forest *forest, struct forest_host *host, const struct fact *fact, int64_t boottime_to_wall_ns,
		 bool *ret_new);
/* The same gap twice counts once. */
int forest_apply_gap(struct forest *forest, struct forest_host *host, const struct gap *gap, bool *ret_new);
int forest_apply_snapshot(struct forest *forest, struct forest_host *host, const struct snapshot_mark *mark);

/* Evicts what is over budget and age. Call after a batch. Returns the number of nodes evicted. */
size_t forest_evict(struct forest *forest);

/* ---- checkpoints ---------------------------------------------------------------------------------------------
 *
 * What is saved of a forest while facts come, and is restored into an empty one before, between and after the same facts
 * come again, gives the same living processes, and their dead ancestors. Of the other dead only those are saved that
 * ended at or after a given moment; facts from before it that speak of one of the rest leave it unknown, not live. */

/* What a saved fact is. */
enum forest_saved {
	FOREST_SAVED_STALE = 1 << 0,        /* of a process that may long be dead */
	FOREST_SAVED_STALE_PARENT = 1 << 1, /* its parent may be, unless facts of its own are restored too */
	FOREST_SAVED_INHERITED = 1 << 2,    /* the image that the process was born with, whose parent is held no more */
	FOREST_SAVED_OWN_PARENT = 1 << 3,   /* its parent is saved, too: where that is missing and does not come, it was evicted again */
};

/* The host boot without its description and its processes. since_ns: as in forest_save_wants. Lists lie in the arena; boot
 * is set, streams and sequence_gaps are the caller's. Errors: -ENOMEM. */
int forest_save_host(const struct forest_host *host, uint64_t since_ns, struct arena *arena, struct boot_state *ret);
/* The description as a Hello that borrows from the forest; false = there is none. */
bool forest_save_description(const struct forest_host *host, struct hello *ret);
/* Whether the process is to be saved: it lives, or is an ancestor of one who does, or ended at or after since_ns. */
bool forest_save_wants(const struct forest_node *node, uint64_t since_ns);
/* Tells the process as facts, each with the wall clock by which it was told. saved: bits of enum forest_saved. Returns
 * what the callback returned when that was not 0. */
typedef int (*forest_save_cb)(void *owner, unsigned saved, const struct fact *fact, int64_t boottime_to_wall_ns);
int forest_save_node(const struct forest_node *node, uint64_t since_ns, forest_save_cb cb, void *owner);
/* So many bytes at most are the facts of one process once they are encoded: 75 images with all that is held of their strings. */
#define FOREST_SAVED_NODE_MAX (24u << 20)

/* Around all that is restored. Between the two nobody is evicted who may have children or dead ancestors in what is still to come: that
 * is everybody, save those of a host that began at or after what was told of it meanwhile. */
void forest_restore_begin(struct forest *forest);
void forest_restore_end(struct forest *forest);
/* Before facts are joined in between that are told in order; since_ns: boottime of the first. The first such call for a host counts. */
void forest_restore_told(struct forest_host *host, uint64_t since_ns);
/* Errors: -ENOMEM; to be tried again. */
int forest_restore_host(struct forest *forest, struct forest_host *host, const struct boot_state *state);
/* Errors: as forest_apply. */
int forest_restore(struct forest *forest, struct forest_host *host, unsigned saved, const struct fact *fact,
		   int64_t boottime_to_wall_ns);

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct forest_gap {
	struct gap gap;
	int64_t boottime_to_wall_ns;
};

/* What the gaps of a host add up to, since the collector began to hear of it; after a restart, of the gaps that are still known. */
#define FOREST_GAP_REASONS (GAP_FOREST_FULL + 1) /* by enum gap_reason, [0] = one that this collector does not know */
struct forest_losses {
	uint64_t facts[5][FOREST_GAP_REASONS]; /* known to be lost, by type as lost[] */
	uint64_t gaps[FOREST_GAP_REASONS];
};

struct forest_host_info {
	struct boot_id boot;
	bool described; /* the fields from here to arch hold knowledge */
	uint8_t machine_id[16];
	bool machine_id_known;
	struct bytes hostname, kernel, arch, sensor_version;
	const struct bytes *tags; /* key, value, … */
	size_t tag_count;
	bool rebooted;                                 /* a later boot of the same machine is known */
	int64_t boottime_to_wall_ns;                   /* newest */
	uint64_t last_fact_ns;                         /* boottime of the newest fact; 0 = none */
	int64_t first_seen_wall_ns, last_seen_wall_ns; /* of facts, by the host's own wall clock; INT64_MIN = never */
	uint64_t facts[5];                             /* distinct facts joined, by enum fact_type */
	uint64_t lost[5];                              /* facts known to be lost, by type ([0] = of unknown type) */
	const struct forest_gap *gaps; /* newest last; at most FOREST_GAPS_MAX are kept, gap_count counts those */
	size_t gap_count;
	const struct forest_losses *losses; /* NULL = none; adds up to no more than lost[] */
	const struct forest_gap *filtered; /* likewise what was left out on request (GAP_FILTERED), which is no loss */
	size_t filtered_count;
	uint64_t live, exited, evicted; /* processes */
};
#define FOREST_GAPS_MAX 256

/* Everything is borrowed and valid until the next call that changes the forest. */
void forest_host_info(const struct forest_host *host, struct forest_host_info *ret);
/* Host boots ordered by host name, then boot id. Pass NULL to begin. */
struct forest_host *forest_host_next(const struct forest *forest, const struct forest_host *after);
/* What that order goes by; borrowed like everything of forest_host_info. */
void forest_host_name(const struct forest_host *host, struct bytes *ret_name, const struct boot_id **ret_boot);
/* The first host boot behind that name and boot id, whether or not there is such a one. O(log n). */
struct forest_host *forest_host_behind(const struct forest *forest, struct bytes name, const struct boot_id *boot);

struct forest_node *forest_find(const struct forest_host *host, struct process_key key);
/* The newest process that had this tgid, or NULL. */
struct forest_node *forest_find_pid(const struct forest_host *host, uint32_t tgid);
/* By anything that a person may type; NULL when nothing matches or several boots do (*ret_ambiguous then true). */
struct forest_node *forest_resolve(const struct forest *forest, const struct process_ref *ref, bool *ret_ambiguous);

/* Walks the processes of a host by (start time, tgid). Pass NULL to begin. O(log n) a step. */
struct forest_node *forest_node_next(const struct forest_host *host, const struct forest_node *after);
/* The first node whose (start, tgid) is at or behind key. */
struct forest_node *forest_node_at(const struct forest_host *host, struct process_key key);
/* Tree: creation parent, and children by (start time, tgid). Roots have no known parent. */
struct forest_node *forest_parent(const struct forest_node *node);
struct forest_node *forest_child_first(const struct forest_node *node);
struct forest_node *forest_child_next(const struct forest_node *child);
struct forest_host *forest_node_host(const struct forest_node *node);
struct process_key forest_node_key(const struct forest_node *node);

/* Fills a view; arrays that must be built lie in the arena, the rest is borrowed from the forest until it changes.
 * now_ns: the host's boottime now as far as known, 0 = take the newest fact's. Errors: -ENOMEM. */
int forest_view(const struct forest_node *node, uint64_t now_ns, struct arena *arena, struct process_view *ret);

struct forest_stats {
	uint64_t hosts, live, exited, unknown;
	uint64_t bytes; /* memory of nodes, tables and strings */
	uint64_t evicted;
	uint64_t facts_new[5], facts_known[5];
};
void forest_stats(const struct forest *forest, struct forest_stats *ret);

#endif
