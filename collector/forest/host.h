/* SPDX-License-Identifier: Apache-2.0 */
/* One host boot: its processes by tgid and in order of their start, its description, its gaps. */
#ifndef CANOPY_COLLECTOR_FOREST_HOST_H
#define CANOPY_COLLECTOR_FOREST_HOST_H

#include "collector/forest/forest.h"
#include "collector/forest/node.h"

RB_HEAD(node_order, forest_node);

struct forest_host {
	struct forest *forest;
	struct forest_host *hash_next;
	RB_ENTRY(forest_host) order; /* by name, then boot */
	struct boot_id boot;
	struct forest_node **buckets; /* owned; by tgid */
	size_t bucket_count, node_count;
	struct node_order nodes; /* owned */

	struct arena description; /* what describe copied */
	uint64_t described_ns;    /* boottime of the Hello that stands; 0 = none */
	uint8_t machine_id[16];
	bool machine_id_known, rebooted;
	struct bytes hostname, kernel, arch, sensor_version;
	struct bytes *tags;
	size_t tag_count;

	uint64_t mark_ns;          /* begin of the newest completed snapshot; 0 = none */
	uint64_t horizon_ns;       /* newest end of an evicted process: older facts of unknown processes are of the evicted */
	uint64_t last_fact_ns;
	int64_t offset_ns;         /* boottime to wall, of the newest fact or Hello */
	uint64_t offset_at_ns;     /* boottime of what told it */
	int64_t first_seen_wall_ns, last_seen_wall_ns;
	uint64_t facts[5], lost[5];
	struct forest_gap gaps[FOREST_GAPS_MAX]; /* ring of the newest */
	size_t gap_count;
	uint64_t states[3]; /* processes by enum process_state */
	uint64_t evicted;
};

int host_create(struct forest *forest, const struct boot_id *boot, struct forest_host **ret);
void host_destroy(struct text_table *texts, struct forest_host *host);

/* The node, made when it is new. Errors: -ENOMEM, -ENOSPC. */
int host_node_get(struct forest_host *host, struct process_key key, uint32_t nodes_max, struct forest_node **ret);
struct forest_node *host_node_find(const struct forest_host *host, struct process_key key);
/* Takes the node out of every table; it has no children. */
void host_node_remove(struct forest_host *host, struct forest_node *node);
size_t host_bytes(const struct forest_host *host);

/* State as everything known now decides it. */
enum process_state node_state(const struct forest_node *node);
/* Why a node without exit is not alive: QUALITY_EXIT_UNKNOWN, QUALITY_HOST_REBOOTED or 0. */
uint32_t node_lost_quality(const struct forest_node *node);
void node_recount(struct forest_node *node);
void host_recount(struct forest_host *host);

/* Notes when the host was heard of. */
void host_heard(struct forest_host *host, uint64_t boottime_ns, int64_t offset_ns);

RB_PROTOTYPE(node_order, forest_node, order, node_order_compare)
int node_order_compare(const struct forest_node *a, const struct forest_node *b);

#endif
