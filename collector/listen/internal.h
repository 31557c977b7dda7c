/* SPDX-License-Identifier: Apache-2.0 */
/* A session as its own files see it: session.c is the machine, handshake.c keeps TLS handshakes,
 * transfer.c hands connections and batches to other loops, spread.c tells within what time to come back. */
#ifndef CANOPY_COLLECTOR_LISTEN_INTERNAL_H
#define CANOPY_COLLECTOR_LISTEN_INTERNAL_H

#include "collector/listen/session.h"

/* Every batch up to seq is durable, wherever it was taken: the peer is told. */
void session_ack(struct session *session, uint64_t seq);
/* Reads and serves again, unless something holds the session. */
void session_go_on(struct session *session);

/* What is due of it, once all before it is written. */
void session_send_pace(struct session *session);
/* In how much time all sensors of this collector may come back after an end of it, as many as they are now. */
uint32_t session_spread_ms(const struct session_shared *shared);

/* A TLS handshake is under way; we have answered, so that the peer's next step is due; it is over, or the session is. */
void session_begin_handshake(struct session *session);
void session_step_handshake(struct session *session);
void session_end_handshake(struct session *session);

/* The connection goes to the loop of this boot. */
void session_pass_on(struct session *session, const struct boot_id *boot);
/* Takes a copy of the batch and reads nothing more until it is back. */
void session_relay_batch(struct session *session, const struct batch_id *id, struct bytes batch);
/* An ack has come: the batch that waits for it goes, if there is one. */
void session_send_relay(struct session *session);
/* The session ends: what is under way comes back to nobody. */
void session_forget_relay(struct session *session);

#endif
