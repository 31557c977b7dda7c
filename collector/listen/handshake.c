/* SPDX-License-Identifier: Apache-2.0 */
/* TLS handshakes under way: they are counted, by address too, and stand in the order in which something last came of them. At
 * its end each is judged by the newest files, so that those who are judged again later on are the ones that have ended. */
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

void session_hear_handshake(struct session *session, uint64_t now_ms)
{
	if (!session->securing)
		return;
	session->heard_ms = now_ms;
	TAILQ_REMOVE(&session->shared->handshakes, session, handshake);
	TAILQ_INSERT_TAIL(&session->shared->handshakes, session, handshake);
}

/* Where handshakes wait for us, their silence is our doing. */
struct session *session_most_silent(struct session_shared *shared, uint64_t now_ms)
{
	struct session *session;

	while ((session = TAILQ_FIRST(&shared->handshakes)) && now_ms - session->heard_ms >= shared->silent_ms) {
		if (!stream_has_unread(session->stream))
			return session;
		session_hear_handshake(session, now_ms);
	}
	return NULL;
}

void session_verify_again(struct session *session)
{
	if (session->state <= SESSION_STREAMING && !session->securing && stream_verify_again(session->stream) < 0)
		session_refuse(session, REJECT_IDENTITY, 0, stream_why(session->stream));
}
