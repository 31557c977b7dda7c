/* SPDX-License-Identifier: Apache-2.0 */
/* Batches between 'appended to the journal' and 'durable', first in first out: positions only grow. */
#ifndef CANOPY_COLLECTOR_INGEST_PENDING_H
#define CANOPY_COLLECTOR_INGEST_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ingest_peer;
struct stream_entry;

struct ticket {
	uint64_t position;          /* journal position that must be durable */
	struct ingest_peer *peer;   /* who waits for the ack; NULL when it has left */
	struct stream_entry *entry; /* counted in its users */
	uint64_t seq;
	uint64_t received_ns; /* monotonic; 0 = a duplicate, which has no latency of its own */
};

/* A ring that doubles. Sessions times their window bounds it. */
struct pending {
	struct ticket *tickets; /* owned */
	size_t capacity, start, count;
};

void pending_finish(struct pending *pending);
/* Errors: -ENOMEM. */
int pending_reserve(struct pending *pending); /* room for one more, so that the next push cannot fail */
void pending_push(struct pending *pending, const struct ticket *ticket);
/* When the oldest batch that waits was received; 0 when none waits. */
uint64_t pending_oldest(const struct pending *pending);
/* The oldest ticket whose position is at or below durable, taken out; false when there is none. */
bool pending_pop(struct pending *pending, uint64_t durable, struct ticket *ret);
/* A peer leaves: its tickets stay for the streams' sake. */
void pending_forget(struct pending *pending, const struct ingest_peer *peer);

#endif
