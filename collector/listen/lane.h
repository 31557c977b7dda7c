/* SPDX-License-Identifier: Apache-2.0 */
/* Where sessions wait whose messages become more than a slice at a time: each turn of the loop serves one slice of the first one's, so that whoever sends
 * little is served in between, however many send much. One loop, not locked. */
#ifndef CANOPY_COLLECTOR_LISTEN_LANE_H
#define CANOPY_COLLECTOR_LISTEN_LANE_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#define LANE_SLICE_BYTES ((size_t)128 << 10) /* of messages: two ordinary batches, a fraction of a millisecond to inflate */

struct session;

struct lane {
	uv_idle_t idle; /* active while somebody waits: the loop then does not sleep */
	TAILQ_HEAD(lane_sessions, session) sessions;
	void (*turn)(struct session *first); /* takes it out and serves its next slice; puts it in again when there is more to do */
	void (*closed)(void *owner);
	void *owner;
};

void lane_init(struct lane *lane, uv_loop_t *loop, void (*turn)(struct session *first));
/* To the end of those that wait, where it does not stand yet. They hold nothing of what a message became, but for the one whose turn it is: where
 * somebody stands before it, its reader begins anew. */
void lane_enter(struct lane *lane, struct session *session);
/* To their beginning: it has had its turn and wants the next one. */
void lane_return(struct lane *lane, struct session *session);
void lane_leave(struct lane *lane, struct session *session); /* nothing when it is not there */
/* Once nobody waits; closed is called when the loop has let it go. */
void lane_close(struct lane *lane, void (*closed)(void *owner), void *owner);

#endif
