/* SPDX-License-Identifier: Apache-2.0 */
/* When a connection ends, its sensor comes back at a random moment within the time that it was told: all of them together evenly only where all were told
 * the same. So whoever came while there were fewer is told anew as more come. */
#include "collector/listen/internal.h"

#define TOLD_MIN_MS 100u /* sensors wait up to this long of their own accord */
#define GROWTH 8u        /* told anew when it has grown by more than this part: 80 times on the way to ten thousand sensors */

uint32_t session_spread_ms(const struct session_shared *shared)
{
	uint64_t ms = (uint64_t)shared->streaming * shared->listeners * SESSION_RECONNECT_MS; /* hosts spread evenly */

	return ms < SESSION_RECONNECT_MS_MAX ? (uint32_t)ms : SESSION_RECONNECT_MS_MAX;
}

void session_tell_spread(struct session *session)
{
	uint32_t ms = session_spread_ms(session->shared);

	if (session->state != SESSION_STREAMING || ms <= TOLD_MIN_MS || ms <= session->spread_ms + session->spread_ms / GROWTH)
		return;
	session->spread_ms = ms;
	session->pace_due = true;
	session_send_pace(session);
}
