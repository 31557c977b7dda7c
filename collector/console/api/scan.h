/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the processes of the fleet, by host name, boot and start, that stops at those that a query asks for. It
 * works in slices, each inside the fleet (fleet_enter): between two of them the forest may change, and the walk goes on
 * behind the process where it was. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_SCAN_H
#define CANOPY_COLLECTOR_CONSOLE_API_SCAN_H

#include "canopy/arena.h"
#include "collector/console/api/host.h"
#include "collector/console/api/incomplete.h"
#include "collector/console/api/query.h"

struct scan {
	const struct fleet *fleet;
	const struct query *query;
	struct arena arena;       /* of the process that was found last */
	bool all;                 /* stops at every process of the hosts that are wanted */
	/* where it is: behind this process of this host */
	bool begun;
	struct fleet_place place; /* of the host */
	struct process_key key;
	/* within a slice */
	struct fleet_walk walk;
	struct host_look look;
	struct forest_node *node; /* next to be looked at; NULL: the next host */
	uint64_t deadline;
	unsigned steps;
};

enum {
	SCAN_E_END = 1,
	SCAN_E_PAUSE = 2, /* time is up: begin another slice later */
};

/* fleet and query are borrowed. */
void scan_init(struct scan *scan, const struct fleet *fleet, const struct query *query);
void scan_finish(struct scan *scan);

/* Inside: to be called first of all, and whenever the forest may have changed. */
void scan_slice(struct scan *scan);
/* The next process that matches; *ret and scan->look are valid until the next call. ret_node may be NULL. Returns 0,
 * SCAN_E_* or -ENOMEM. */
int scan_next(struct scan *scan, struct process_view *ret, struct forest_node **ret_node);
/* Inside: goes on behind a process that need not be there any more. false: its host is not there. */
bool scan_skip_to(struct scan *scan, const struct boot_id *boot, struct process_key key);

/* Whether the host can have processes that the query asks for. */
bool scan_wants_host(const struct query *query, const struct forest_host_info *info);
/* Whether the process is one of them. live_only: and has not exited. Ancestors are looked up in the forest. */
bool scan_wants(const struct query *query, bool live_only, const struct forest_node *node,
		const struct process_view *view, struct arena *arena);
/* Outside: "incomplete" of an answer about the hosts that the query can mean; more notes may be added before it is ended. */
void scan_incomplete(const struct fleet *fleet, const struct query *query, struct incomplete *incomplete);

#endif
