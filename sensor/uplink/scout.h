/* SPDX-License-Identifier: Apache-2.0 */
/* Asks once in a while whether a better collector listens, beside the connection that is in use: connects and hangs up.
 * A collector listens only once it has recovered. One question at a time. */
#ifndef CANOPY_SENSOR_UPLINK_SCOUT_H
#define CANOPY_SENSOR_UPLINK_SCOUT_H

#include <stdbool.h>
#include <uv.h>

#include "proto/stream/stream.h"
#include "sensor/uplink/peers.h"

struct scout {
	uv_loop_t *loop;
	struct stream *stream; /* owned; NULL when nothing is asked, or only its end is awaited */
	size_t place; /* among the peers, of the one that was asked */
	uint32_t every_ms;
	uint64_t next_ms, turn; /* when the next question is due, and how many there were */
	bool ending;
	void (*found)(void *owner); /* it listens */
	void (*ended)(void *owner); /* after scout_end */
	void *owner;
};

void scout_init(struct scout *scout, uv_loop_t *loop, void (*found)(void *owner), void (*ended)(void *owner),
		void *owner);
/* The next question is due in half to one and a half times every_ms, so that a fleet that fled together does not return
 * together; random: any 64 random bits. */
void scout_rest(struct scout *scout, uint32_t every_ms, uint64_t random);
bool scout_is_due(const struct scout *scout);
/* Asks a peer that is better than the current one, when there is one; an unanswered question before it is dropped. What goes wrong is an answer, too: found is then not called. */
void scout_look(struct scout *scout, const struct peers *peers, uint64_t random);
/* Drops the question; ended is called on the loop, at once when there is none. */
void scout_end(struct scout *scout);

#endif
