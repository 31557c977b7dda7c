/* SPDX-License-Identifier: Apache-2.0 */
/* Two mutexes make a mutex that is fair between two: a plain one would be taken again by the worker before whoever
 * waits has woken up. */
#include "collector/shard/gate.h"

int gate_init(struct gate *gate)
{
	int r = uv_mutex_init(&gate->turn);

	if (r < 0)
		return r;
	r = uv_mutex_init(&gate->inside);
	if (r < 0) {
		uv_mutex_destroy(&gate->turn);
		return r;
	}
	atomic_init(&gate->waiting, 0);
	gate->since_ns = 0;
	return 0;
}

void gate_finish(struct gate *gate)
{
	uv_mutex_destroy(&gate->inside);
	uv_mutex_destroy(&gate->turn);
}

static void take(struct gate *gate)
{
	uv_mutex_lock(&gate->turn);
	uv_mutex_lock(&gate->inside);
	uv_mutex_unlock(&gate->turn);
}

void gate_work(struct gate *gate)
{
	take(gate);
	gate->since_ns = uv_hrtime();
}

void gate_rest(struct gate *gate)
{
	uv_mutex_unlock(&gate->inside);
}

void gate_breathe(struct gate *gate)
{
	if (atomic_load_explicit(&gate->waiting, memory_order_relaxed) == 0 ||
	    uv_hrtime() - gate->since_ns < GATE_TURN_NS)
		return;
	gate_rest(gate);
	gate_work(gate);
}

void gate_want(struct gate *gate)
{
	if (gate)
		(void)atomic_fetch_add_explicit(&gate->waiting, 1, memory_order_relaxed);
}

void gate_enter_wanted(struct gate *gate)
{
	if (!gate)
		return;
	take(gate);
	(void)atomic_fetch_sub_explicit(&gate->waiting, 1, memory_order_relaxed);
}

void gate_enter(struct gate *gate)
{
	gate_want(gate);
	gate_enter_wanted(gate);
}

void gate_leave(struct gate *gate)
{
	if (gate)
		uv_mutex_unlock(&gate->inside);
}
