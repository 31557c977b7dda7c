/* SPDX-License-Identifier: Apache-2.0 */
/* The live side of host boots: who is connected, what its heartbeats say, how far it is behind. */
#ifndef CANOPY_COLLECTOR_INGEST_LINKS_H
#define CANOPY_COLLECTOR_INGEST_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/identity.h"
#include "collector/console/fleet.h"
#include "collector/ingest/clones.h"
#include "collector/ingest/index.h"
#include "proto/wire/message.h"

/* After this long without a word from a connected sensor its lag grows with the clock: a heartbeat at rest, and as much
 * again as it may be late. */
#define LINK_STALE_NS (8000000000ll)

struct account;

struct link {
	struct index_node node;
	struct boot_id boot;
	uint32_t sessions;
	bool goodbye; /* the newest session of its sensor ended with a Goodbye, and none has come since */
	bool heard;
	struct heartbeat heartbeat;
	int64_t heard_wall_ns; /* INT64_MIN = never */
	int64_t skew_ns;
	int64_t lag_ns; /* when last heard; -1 = unknown */
	uint64_t sequence_gaps;
	/* The machine that this boot was first said to be of; with certificates no other one may speak for it. */
	bool bound;
	uint8_t machine_id[16];
	struct clones clones;
	uint64_t refused; /* peers and batches that claimed this boot and are another machine's */
	uint64_t description;  /* digest of the Hello last journaled; 0 = none */
	uint64_t described_at; /* journal position of it */
	uint64_t position;     /* of the newest record that speaks of this boot, checkpoints apart; 0 = none */
	int64_t seen_wall_ns;  /* when anything of it last came, by our clock, lives of the collector before included */
	uint64_t restored_at;  /* position of its state in the checkpoint that it was restored from; 0 = none */
	struct account *account; /* whose boots it is counted in; NULL = nobody's */
};

struct links {
	struct index index; /* of struct link, owned; one for each host boot of the forest */
};

void links_init(struct links *links);
void links_finish(struct links *links);

struct link *links_find(const struct links *links, const struct boot_id *boot);
/* Makes it when it is new. Errors: -ENOMEM. */
int links_get(struct links *links, const struct boot_id *boot, struct link **ret);
/* Frees it: nobody may point to it any more. */
void links_forget(struct links *links, struct link *link);

/* Something of the boot came: at this place of the journal (0 = nowhere), at this time of our clock. */
void link_seen(struct link *link, uint64_t position, int64_t now_ns);

/* Binds the boot to this machine, unless it is bound already. */
void link_bind(struct link *link, const uint8_t machine_id[16]);
/* now_ns: our wall clock. */
void link_heartbeat(struct link *link, const struct heartbeat *heartbeat, int64_t now_ns);
/* A batch came; newest_ns: boottime of its newest fact. */
void link_batch(struct link *link, uint64_t newest_ns, int64_t boottime_to_wall_ns, int64_t now_ns);
/* The clock of the host as its Hello says. */
void link_clock(struct link *link, uint64_t boottime_ns, int64_t boottime_to_wall_ns, int64_t now_ns);

/* window: batches that a sensor may have in flight; more in its queue means that it is catching up. link NULL = never
 * heard of. */
void link_show(const struct link *link, uint64_t window, int64_t now_ns, struct fleet_link *ret);

/* A digest of what a Hello says about the host, never 0; clocks and positions are left out, they differ each time. */
uint64_t link_digest(const struct hello *hello);

#endif
