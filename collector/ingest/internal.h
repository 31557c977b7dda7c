/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest as its own files see it: ingest.c takes batches, join.c lets peers in. */
#ifndef CANOPY_COLLECTOR_INGEST_INTERNAL_H
#define CANOPY_COLLECTOR_INGEST_INTERNAL_H

#include <sys/queue.h>

#include "collector/ingest/apply.h"
#include "collector/ingest/checkpoint.h"
#include "collector/ingest/hosts.h"
#include "collector/ingest/ingest.h"
#include "collector/ingest/links.h"
#include "collector/ingest/pace.h"
#include "collector/ingest/pending.h"
#include "collector/ingest/streams.h"

struct ingest_peer {
	struct ingest *ingest;
	TAILQ_ENTRY(ingest_peer) siblings; /* in reading or waiting */
	TAILQ_ENTRY(ingest_peer) unsaid;   /* in acks, when acking */
	const struct ingest_peer_events *events;
	void *owner;
	struct boot_id boot;
	uint64_t stream;
	struct stream_entry *entry; /* of its own boot; counted in its users. NULL for who has no session: */
	struct link *link;          /* what only brings a batch makes neither before that batch is understood */
	const struct speaker *speaker; /* own, or borrowed by who has no session */
	struct speaker own;
	struct boot_id newest_boot; /* of the batches that it brought */
	uint32_t boots;             /* how many boots beside its own those were of */
	uint64_t last_seq; /* of the newest batch it brought; 0 = none */
	uint64_t acked_seq;
	uint32_t unacked; /* batches brought and not acknowledged */
	bool paused, acking;
	bool session; /* counted in the link */
	uint64_t turn; /* of joining: counts up */
	uint32_t brought; /* batches since the last look at the pace */
	uint32_t pace;    /* as told; 0 = no limit */
};

TAILQ_HEAD(peers, ingest_peer);

struct ingest {
	struct forest *forest;
	struct journal *journal;
	struct streams streams;
	struct links links;
	struct hosts hosts;
	uint64_t expire_ns; /* when to look next for hosts that retention has taken, by uv_hrtime */
	struct pending pending;
	struct checkpoint checkpoint;
	struct peers reading, waiting; /* peers by whether they are paused */
	struct peers acks;             /* peers whose ack is to be sent */
	struct apply_counts applied;
	struct fleet_ingest_stats stats;
	struct pace pace;
	uint64_t pace_durable, pace_ns; /* batches durable at the last look, and when it was */
	bool pace_stopped;              /* paused since the last look */
	uint64_t appended; /* newest journal position */
	bool paused;
	uint64_t turns; /* peers that have joined */
	bool strict; /* a boot is spoken for by one machine alone */
	int error; /* what stopped the journal, or 0 */
	char why[INGEST_REASON_MAX];
};

/* Moves the peer between reading and waiting and tells it. With false it may bring batches from inside, and leave. */
void ingest_pause_peer(struct ingest_peer *peer, bool paused);

/* All return INGEST_E_REFUSED, the last two also 0. */
int ingest_refuse_failed(const struct ingest *ingest, struct ingest_refusal *ret); /* the journal has stopped */
/* What hosts_get says: the boot is one too many. */
int ingest_refuse_host(const struct ingest *ingest, int error, struct ingest_refusal *ret);
int ingest_refuse_clone(struct link *link, uint64_t stream, struct ingest_refusal *ret);
/* The boot must not be known to be another machine's. */
int ingest_check_speaker(struct ingest *ingest, const struct boot_id *boot, const struct speaker *speaker,
			 struct ingest_refusal *ret);
/* The stream, made when it is new. */
int ingest_resolve_stream(struct ingest *ingest, const struct boot_id *boot, uint64_t stream, struct stream_entry **ret,
			  struct ingest_refusal *ret_refusal);

#endif
