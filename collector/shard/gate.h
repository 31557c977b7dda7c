/* SPDX-License-Identifier: Apache-2.0 */
/* Who may touch a shard: its own thread while it works, or another one that wants to look, never both.
 *
 * The worker keeps the gate for as long as it has work and gives it up while it waits for its sockets. In between it
 * breathes: where its data are whole (between two batches, two acks) it lets in who waits, but not before it has worked
 * GATE_TURN_NS since the last time, so that looking cannot stop the work. Who waits therefore waits for at most
 * GATE_TURN_NS and one batch; who looks is to leave after a few milliseconds.
 *
 * Who has entered may read everything, and change nothing that a callback of the worker may be in the middle of using:
 * what shall happen in a shard is posted to its mailbox. Workers enter no gate but their own. */
#ifndef CANOPY_COLLECTOR_SHARD_GATE_H
#define CANOPY_COLLECTOR_SHARD_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define GATE_TURN_NS 2000000u /* as long as a slice of the console: under heavy questions the work keeps half */

struct gate {
	uv_mutex_t turn; /* held while waiting for inside: who waits comes next, the worker cannot overtake */
	uv_mutex_t inside;
	atomic_uint waiting;
	uint64_t since_ns; /* the worker's: when it was let in last */
};

/* Errors: -ENOMEM, -EAGAIN. */
int gate_init(struct gate *gate);
void gate_finish(struct gate *gate);

/* For the worker. */
void gate_work(struct gate *gate);
void gate_rest(struct gate *gate);
void gate_breathe(struct gate *gate);

/* For others. NULL stands for what belongs to the caller's own thread: nothing happens. */
void gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);
/* Says ahead that enter comes soon, so that several workers make way at the same time; gate_enter_wanted then enters. */
void gate_want(struct gate *gate);
void gate_enter_wanted(struct gate *gate);

#endif
