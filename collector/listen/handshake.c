/* SPDX-License-Identifier: Apache-2.0 */
/* TLS handshakes under way: they are counted, by address too, and stand in the order in which the peer's next step became due:
 * when it came, and when we answered. Bytes that are no whole step change nothing there, so that who dribbles them is no better
 * off than who says nothing. The end of each is judged by the newest files, so that those who are judged again later on are the
 * ones that have ended. */
#include "collector/listen/internal.h"

void session_begin_handshake(struct session *session)
{
	session->securing = true;
	session->shared->securing++;
	TAILQ_INSERT_TAIL(&session->shared->handshakes, session, handshake);
}

void session_end_handshake(struct session *session)
{
	if (!session->securing)
		return;
	session->securing = false;
	session->shared->securing--;
	TAILQ_REMOVE(&session->shared->handshakes, session, handshake);
	census_secured(session->shared->census, session->key);
}

static void wait_anew(struct session *session, uint64_t now_ms)
{
	session->heard_ms = now_ms;
	TAILQ_REMOVE(&session->shared->handshakes, session, handshake);
	TAILQ_INSERT_TAIL(&session->shared->handshakes, session, handshake);
}

void session_step_handshake(struct session *session)
{
	if (!session->securing)
		return;
	session->spared = false;
	wait_anew(session, uv_now(session->shared->loop));
}

/* Where it waits for us, its delay is our doing. One turn of the loop reads it, so that this can be said of a step once. */
static bool is_our_doing(struct session *session)
{
	if (session->spared || !stream_has_unread(session->stream))
		return false;
	session->spared = true;
	return true;
}

struct session *session_most_overdue(struct session_shared *shared, uint64_t now_ms)
{
	struct session *session;

	while ((session = TAILQ_FIRST(&shared->handshakes)) && now_ms - session->heard_ms >= shared->silent_ms) {
		if (!is_our_doing(session))
			return session;
		wait_anew(session, now_ms);
	}
	return NULL;
}

void session_verify_again(struct session *session)
{
	if (session->state <= SESSION_STREAMING && !session->securing && stream_verify_again(session->stream) < 0)
		session_refuse(session, REJECT_IDENTITY, 0, stream_why(session->stream));
}
