/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting in a libuv loop for a condition, with a bound that only a broken program reaches. For tests. */
#ifndef CANOPY_TESTS_LOOP_H
#define CANOPY_TESTS_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <uv.h>

#define LOOP_WAIT_MS                                                                                                   \
	20000u /* far beyond what a loaded machine needs: reaching it means that the condition never comes */

/* As in the programs: libuv writes to a peer that has gone, and the error says so. */
__attribute__((constructor)) static inline void loop_ignore_sigpipe_(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
}

static inline void loop_expired_(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs the loop until done(owner) holds; returns whether it does. */
static inline bool loop_until(uv_loop_t *loop, bool (*done)(void *owner), void *owner)
{
	bool expired = false;
	uv_timer_t timer;

	(void)uv_timer_init(loop, &timer);
	timer.data = &expired;
	(void)uv_timer_start(&timer, loop_expired_, LOOP_WAIT_MS, 0);
	while (!done(owner) && !expired)
		(void)uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(loop, UV_RUN_NOWAIT);
	return done(owner);
}

/* After everything was closed: runs what is left and closes the loop; false when a handle was forgotten. */
static inline bool loop_finish(uv_loop_t *loop)
{
	(void)uv_run(loop, UV_RUN_DEFAULT);
	return uv_loop_close(loop) == 0;
}

#endif
