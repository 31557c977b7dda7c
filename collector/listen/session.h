/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a sensor: bytes in, messages to ingest, acks back. A state machine:
 *
 *   greeting --Hello--> streaming --end, error--> closed
 *      |                    |                       ^
 *      +--- any breach -----+--> refusing --end, time--+
 *
 * A session whose Hello names a boot of another loop is closed here and adopted there, in greeting again.
 *
 * refusing has written why (a Reject, or plain HTTP to a browser), ended its own side and throws away what still comes,
 * since a socket closed with unread bytes would reset the connection and take the reason with it. */
#ifndef CANOPY_COLLECTOR_LISTEN_SESSION_H
#define CANOPY_COLLECTOR_LISTEN_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "canopy/arena.h"
#include "collector/ingest/ingest.h"
#include "collector/listen/census.h"
#include "collector/listen/lane.h"
#include "collector/listen/route.h"
#include "proto/stream/stream.h"
#include "proto/wire/frame.h"

#define SESSION_HELLO_MS 10000u /* from accept to Hello: generous for a satellite, short for an idle flood */
#define SESSION_SILENT_MS 2000u /* for a step of a TLS handshake: longer than any way there and back, lost packets included */
#define SESSION_IDLE_MS 60000u  /* without a whole message: twelve heartbeats at rest, or 1 MiB at 150 kbit/s */
#define SESSION_LINGER_MS 2000u /* what a refused peer has to read why */
#define SESSION_RECONNECT_MS 2u         /* for each sensor: 500 handshakes a second leave most of a core, TLS included */
#define SESSION_RECONNECT_MS_MAX 60000u /* no sensor shall be late for longer */
#define SESSION_CONTROL_BYTES_MAX (64u * 1024u) /* any message but a Batch, inflated: three times a Hello with all its tags */
#define SESSION_DISCARD_MAX (8u << 20)         /* a refused peer's own window may still be on its way */
#define SESSION_MEMORY_MAX ((size_t)512 << 20) /* receive buffers of all sessions together */
#define SESSION_MEMORY_FAIR ((size_t)128 << 10) /* of one: half an ordinary batch, and the messages before it */
#define SESSION_SCRATCH_BYTES 65536u
#define SESSION_LOGS_PER_SECOND 5u /* refusals that are logged: a flood must not fill the disk */

enum session_state {
	SESSION_GREETING,
	SESSION_STREAMING,
	SESSION_REFUSING,
	SESSION_CLOSED,
};

struct session;

/* What the sessions of one listener have in common; the listener owns it. */
struct session_shared {
	uv_loop_t *loop;
	struct ingest *ingest;
	struct tls_context *tls;                /* sensors must speak TLS, with a certificate; NULL = in the clear. Borrowed */
	struct arena arena;                     /* of the frame that is being served */
	uint8_t scratch[SESSION_SCRATCH_BYTES]; /* for bytes that are thrown away */
	const struct route *route;              /* NULL: every boot belongs here */
	uint32_t listeners;                     /* that share the work, this one counted */
	size_t memory, memory_max;              /* held by all receive buffers */
	uint32_t hello_ms, silent_ms, idle_ms, linger_ms;
	const char *http;                       /* where the console answers, ADDR:PORT; NULL = nowhere */
	uint32_t greeting, streaming, refusing; /* sessions in these states */
	uint32_t securing;                      /* those of greeting whose TLS handshake is not done */
	TAILQ_HEAD(, session) handshakes;       /* these; whose next step became due last stands last */
	struct lane lane;                       /* of the streaming ones, those whose message becomes long */
	struct census *census;                  /* counts them by address, too; whoever made the session counts it in. Borrowed */
	uint64_t foreign;                       /* Hellos that the certificate does not fit */
	uint64_t rejects_total, frames_bad, bytes_received;
	uint64_t relayed; /* batches that went to another loop */
	uint64_t log_second;
	uint32_t logged;
	/* More memory is held than memory_max. Called at the end of a piece of work, so that any session may be refused. */
	void (*crowded)(void *owner);
	/* The session is gone from the loop; whoever made it frees it by session_free. */
	void (*closed)(void *owner, struct session *session);
	void *owner;
};

struct session {
	LIST_ENTRY(session) siblings; /* the listener's */
	struct session_shared *shared;
	enum session_state state;
	struct stream *stream; /* owned */
	struct frame_reader reader;
	struct ingest_peer *peer;    /* ingest's side, while streaming */
	size_t memory;               /* what of shared->memory is its own */
	uint64_t since_ms, heard_ms; /* loop time of the last change of state, of the last whole message or step of the handshake */
	uint64_t discarded;
	uint64_t ack_seq; /* to be sent when ack_due */
	uint32_t pace;    /* batches a second, to be sent when pace_due */
	uint32_t spread_ms; /* within which it was told to come back, or will be when pace_due */
	bool paused, ack_due, pace_due;
	bool securing; /* counted in shared->securing and census */
	bool spared;   /* its next step was waiting for us when its place was wanted: once for each step */
	TAILQ_ENTRY(session) handshake; /* while securing: of shared->handshakes */
	bool in_lane;
	TAILQ_ENTRY(session) lane; /* while in_lane: of shared->lane */
	bool leaving;         /* for another loop, once all that was written is gone */
	bool passed, broken;  /* the connection goes on on another loop; could not be taken from another one */
	size_t frame_at;      /* where the message that is being served begins in the reader */
	struct relay *relay;  /* under way; nothing is read until it is back */
	bool relay_waits;     /* not sent: batches before it are not durable here yet */
	uint8_t key[16];             /* of the peer's address */
	char name[ADDRESS_TEXT_MAX]; /* of the peer */
};

/* Takes the connection that waits at server. *ret is the caller's until session_free. Errors: -ENOMEM, -errno. */
int session_create(struct session **ret, struct session_shared *shared, uv_stream_t *server);
/* The other end of a passage, which is consumed in any case. Errors as session_create. */
int session_adopt(struct session **ret, struct session_shared *shared, struct passage *passage);
/* A relay is back; it is consumed. */
void session_relayed(struct relay *relay);
/* Begins to read and serve, what came with a passage at once. */
void session_start(struct session *session);
/* Says why it is not served (any more). Nothing happens when it is refused or closed already. */
void session_refuse(struct session *session, enum reject_code code, uint32_t retry_after_ms, const char *reason);
/* Drops the connection at once. */
void session_abort(struct session *session, const char *why);
/* The certificates that count have changed: judges the peer's again. */
void session_verify_again(struct session *session);
/* What the memory that it holds beyond granted bytes costs the others: bytes times milliseconds since its last whole
 * message, so that of two large frames the one that does not get on weighs more. 0 = no more than granted. */
uint64_t session_burden(const struct session *session, size_t granted, uint64_t now_ms);
/* Of those whose TLS handshake is under way, the one whose next step is due for longest, and for silent_ms at least.
 * NULL = there is none. now_ms: uv_now. */
struct session *session_most_overdue(struct session_shared *shared, uint64_t now_ms);
/* Nobody has listened for so long: the peer's silence meanwhile is not its own. Both in milliseconds; now_ms: uv_now. */
void session_excuse(struct session *session, uint64_t absent_ms, uint64_t now_ms);
/* To be called about every second: says what could not be said for want of memory, and judges the peer's slowness.
 * now_ms: uv_now. */
void session_tick(struct session *session, uint64_t now_ms);
/* Likewise: tells the peer when the fleet has grown since it heard within what time to come back. */
void session_tell_spread(struct session *session);
/* For shared->lane. */
void session_take_turn(struct session *session);
void session_free(struct session *session);

#endif
