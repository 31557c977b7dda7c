/* SPDX-License-Identifier: Apache-2.0 */
/* From a validated message to a durable, joined fact: a batch is decoded into the arena of its frame, judged by the
 * stream table, joined into the forest, appended to the journal, and acknowledged once that is durable. Each batch of
 * (boot, stream, seq) is taken once, whoever brings it and how often. No sockets here; sessions stand in front of it.
 *
 * One thread, the loop's; several of it share nothing. */
#ifndef CANOPY_COLLECTOR_INGEST_INGEST_H
#define CANOPY_COLLECTOR_INGEST_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "collector/console/fleet.h"
#include "collector/forest/forest.h"
#include "collector/ingest/replay.h"
#include "collector/ingest/speaker.h"
#include "collector/journal/journal.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"

struct ingest;
struct ingest_peer; /* ingest's side of one session */

#define INGEST_WINDOW_BATCHES 32u /* in flight per session: covers 100 ms of round trip at 300 batches a second */
#define INGEST_FRAME_BYTES_MAX FRAME_BYTES_MAX
/* Between these two marks of bytes that wait for the disk nobody brings anything, with a session or without: far below
 * SEGLOG_PENDING_MAX, far above one group commit. */
#define INGEST_PENDING_HIGH ((size_t)8 << 20)
#define INGEST_PENDING_LOW ((size_t)2 << 20)
/* Boots beside its own of which a session may bring batches: those that its host went through while its spool could not be
 * emptied. Who has more brings the rest in the next session. */
#define INGEST_SESSION_BOOTS_MAX 16u
#define INGEST_RETRY_MS 5000u /* told to sensors while the journal does not work */
#define INGEST_EXPIRE_NS 60000000000u /* between two looks for hosts that retention has taken: a walk over all of them */
#define INGEST_REASON_MAX 256u

struct ingest_refusal {
	enum reject_code code;
	uint32_t retry_after_ms;        /* 0 = the sensor's own backoff */
	char reason[INGEST_REASON_MAX]; /* a sentence that an operator can act on */
};

enum {
	INGEST_E_REFUSED = 1, /* *ret_refusal says why; the peer, if there was one, is to leave */
};

struct ingest_peer_events {
	/* Every batch of this peer up to seq is durable. */
	void (*acked)(void *owner, uint64_t seq);
	/* Bring no batches (true), or go on (false). With false ingest_batch may be called from inside, with true
	 * nothing. */
	void (*paused)(void *owner, bool paused);
	/* Bring at most so many batches a second from now on; 0 = no limit. Nothing may be called from inside. */
	void (*paced)(void *owner, uint32_t batches_per_second);
	/* Nothing more is taken. The peer has left already and must not be used. */
	void (*refused)(void *owner, const struct ingest_refusal *refusal);
};

/* Forest and journal must outlive ingest. When the journal stops, every peer is refused. Errors: -ENOMEM. */
int ingest_create(struct ingest **ret, struct forest *forest, struct journal *journal);
/* Every peer must have left. Takes NULL. */
void ingest_destroy(struct ingest *ingest);

/* Peers prove who they are: from here on a boot is spoken for by one machine alone, and by certificates of one host. */
void ingest_require_machines(struct ingest *ingest);

/* Rebuilds forest, stream table and host descriptions; before any peer joins. Blocks. Errors as replay_journal. */
int ingest_recover(struct ingest *ingest, struct replay_counts *ret);

/* A session has said hello. origin: whose connection it is, NULL = nothing is known of it. *ret is valid until ingest_leave,
 * or until refused was called. now_ns: our wall clock, here and below. Returns 0 or INGEST_E_REFUSED. */
int ingest_join(struct ingest *ingest, const struct hello *hello, const struct origin *origin,
		const struct ingest_peer_events *events, void *owner, int64_t now_ns, struct ingest_peer **ret,
		struct welcome *ret_welcome, struct ingest_refusal *ret_refusal);
void ingest_leave(struct ingest_peer *peer); /* takes NULL */

/* Who stands behind the peer. Borrowed. */
const struct speaker *ingest_speaker(const struct ingest_peer *peer);

/* For batches of boots that another ingest owns, brought in a session of this one. check: 0, or INGEST_E_REFUSED when
 * such a batch may not stand here. passed: the other ingest has made it durable. */
int ingest_check(struct ingest_peer *peer, const struct batch_id *id, struct ingest_refusal *ret_refusal);
void ingest_passed(struct ingest_peer *peer, uint64_t seq);
/* Batches brought and not yet acknowledged, those passed on not counted. */
uint32_t ingest_unacked(const struct ingest_peer *peer);
/* On the side of the owner: a peer that brings batches of this boot and stream without a session of its own, and
 * therefore does not count as connected. paused(true) may be called before this returns, *ret is set then. speaker: of the session that they came in; borrowed until the peer has left. Otherwise as ingest_join. */
int ingest_join_other(struct ingest *ingest, const struct boot_id *boot, uint64_t stream, const struct speaker *speaker,
		      const struct ingest_peer_events *events, void *owner, struct ingest_peer **ret,
		      struct ingest_refusal *ret_refusal);

/* data: the bytes of a Batch; the arena takes what is decoded and can be reset after the call. Returns 0 or
 * INGEST_E_REFUSED; then the peer still is to be left. */
int ingest_batch(struct ingest_peer *peer, struct arena *arena, struct bytes data, int64_t now_ns,
		 struct ingest_refusal *ret_refusal);
void ingest_heartbeat(struct ingest_peer *peer, const struct heartbeat *heartbeat, int64_t now_ns);

/* The sensor stops on purpose. */
void ingest_goodbye(struct ingest_peer *peer);

/* To be called about every second: measures the pressure and tells the peers their pace. memory_tight: receive buffers
 * are nearly used up. Returns whether the rate of all together (*ret_rate, batches a second, 0 = no limit) has changed. */
bool ingest_pace(struct ingest *ingest, bool memory_tight, uint32_t *ret_rate);

/* For the console. link as struct fleet says; stats are added to what *stats already holds. */
void ingest_link(const struct ingest *ingest, const struct boot_id *boot, int64_t now_ns, struct fleet_link *ret);
void ingest_stats(const struct ingest *ingest, struct fleet_ingest_stats *stats);
/* false: *ret_why names what is wrong and what helps. */
bool ingest_ready(const struct ingest *ingest, const char **ret_why);

#endif
