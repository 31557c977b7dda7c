/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/listen/lane.h"

#include "collector/listen/session.h"

static void on_idle(uv_idle_t *idle)
{
	struct lane *lane = idle->data;

	lane->turn(TAILQ_FIRST(&lane->sessions));
}

void lane_init(struct lane *lane, uv_loop_t *loop, void (*turn)(struct session *first))
{
	(void)uv_idle_init(loop, &lane->idle);
	lane->idle.data = lane;
	lane->turn = turn;
	TAILQ_INIT(&lane->sessions);
}

void lane_enter(struct lane *lane, struct session *session)
{
	session->in_lane = true;
	TAILQ_INSERT_TAIL(&lane->sessions, session, lane);
	(void)uv_idle_start(&lane->idle, on_idle);
	if (TAILQ_FIRST(&lane->sessions) != session)
		frame_reader_begin_anew(&session->reader);
}

void lane_return(struct lane *lane, struct session *session)
{
	session->in_lane = true;
	TAILQ_INSERT_HEAD(&lane->sessions, session, lane);
	(void)uv_idle_start(&lane->idle, on_idle);
}

void lane_leave(struct lane *lane, struct session *session)
{
	if (!session->in_lane)
		return;
	session->in_lane = false;
	TAILQ_REMOVE(&lane->sessions, session, lane);
	if (TAILQ_EMPTY(&lane->sessions))
		(void)uv_idle_stop(&lane->idle);
}

static void on_closed(uv_handle_t *handle)
{
	struct lane *lane = handle->data;

	lane->closed(lane->owner);
}

void lane_close(struct lane *lane, void (*closed)(void *owner), void *owner)
{
	lane->closed = closed;
	lane->owner = owner;
	uv_close((uv_handle_t *)&lane->idle, on_closed);
}
