/* SPDX-License-Identifier: Apache-2.0 */
/* To and from other loops. An ack speaks for all batches before it, those of this loop's own journal included; so a
 * batch of another loop's boot goes there only when nothing of this session waits for our disk any more. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "collector/ingest/refusal.h"
#include "collector/listen/internal.h"

static int64_t wall_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- connections --------------------------------------------------------------------------------------------- */

/* TLS may have written something that the kernel has not taken: the Hello is then served again later. */
static void wait_to_leave(struct session *session)
{
	session->leaving = true;
	session->reader.start = session->frame_at;
	stream_read_stop(session->stream);
}

void session_pass_on(struct session *session, const struct boot_id *boot)
{
	const struct route *route = session->shared->route;
	struct passage *passage;
	int r;

	if (stream_queued(session->stream) > 0) {
		wait_to_leave(session);
		return;
	}
	r = passage_create(&passage, session->stream, &session->reader, session->frame_at);
	if (r < 0) {
		session_abort(session, strerror(-r));
		return;
	}
	memcpy(passage->key, session->key, sizeof(passage->key));
	memcpy(passage->name, session->name, sizeof(passage->name));
	session->passed = true;
	session_abort(session, "goes on on the loop of its boot");
	route->move(route->owner, boot, passage);
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

static int make_relay(struct session *session, const struct batch_id *id, struct bytes batch,
		      struct ingest_refusal *ret)
{
	const struct route *route = session->shared->route;

	if (!route->admit(route->owner, relay_cost(batch.len)))
		return refusal_make(ret, REJECT_UNAVAILABLE, INGEST_RETRY_MS,
			      "more batches of boots before wait for the collector's disk than it can hold; come back later");
	session->relay = relay_create(id, batch, session, ingest_speaker(session->peer), wall_now());
	if (session->relay)
		return 0;
	route->dismiss(route->owner, relay_cost(batch.len));
	return refusal_memory(ret);
}

void session_relay_batch(struct session *session, const struct batch_id *id, struct bytes batch)
{
	struct ingest_refusal refusal;

	if (ingest_check(session->peer, id, &refusal) != 0 || make_relay(session, id, batch, &refusal) != 0) {
		session_refuse(session, refusal.code, refusal.retry_after_ms, refusal.reason);
		return;
	}
	session->relay_waits = true;
	stream_read_stop(session->stream);
	session_send_relay(session);
}

void session_send_relay(struct session *session)
{
	const struct route *route = session->shared->route;

	if (!session->relay_waits || ingest_unacked(session->peer) > 0)
		return;
	session->relay_waits = false;
	session->shared->relayed++;
	route->relay(route->owner, session->relay);
}

void session_forget_relay(struct session *session)
{
	const struct route *route = session->shared->route;
	struct relay *relay = session->relay;

	session->relay = NULL;
	if (!relay)
		return;
	relay->session = NULL;
	if (!session->relay_waits)
		return; /* frees it when it is back */
	session->relay_waits = false;
	route->dismiss(route->owner, relay_cost(relay->len));
	relay_destroy(relay);
}

void session_relayed(struct relay *relay)
{
	struct session *session = relay->session;

	if (session && relay->result == 0) {
		session->relay = NULL;
		ingest_passed(session->peer, relay->seq);
		session_ack(session, relay->seq);
		session_go_on(session);
	} else if (session) {
		session->relay = NULL;
		session_refuse(session, relay->refusal.code, relay->refusal.retry_after_ms, relay->refusal.reason);
	}
	relay_destroy(relay);
}
