/* SPDX-License-Identifier: Apache-2.0 */
/* A ring buffer by capacity mask; see pending.h. */
#include "collector/ingest/pending.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64u

void pending_finish(struct pending *pending)
{
	free(pending->tickets);
	memset(pending, 0, sizeof(*pending));
}

static struct ticket *at(const struct pending *pending, size_t i)
{
	return &pending->tickets[(pending->start + i) & (pending->capacity - 1)];
}

uint64_t pending_oldest(const struct pending *pending)
{
	return pending->count > 0 ? at(pending, 0)->received_ns : 0;
}

int pending_reserve(struct pending *pending)
{
	size_t capacity = pending->capacity ? pending->capacity * 2 : CAPACITY_MIN;
	struct ticket *tickets;

	if (pending->count < pending->capacity)
		return 0;
	tickets = calloc(capacity, sizeof(*tickets));
	if (!tickets)
		return -ENOMEM;
	for (size_t i = 0; i < pending->count; i++)
		tickets[i] = *at(pending, i);
	free(pending->tickets);
	pending->tickets = tickets;
	pending->capacity = capacity;
	pending->start = 0;
	return 0;
}

void pending_push(struct pending *pending, const struct ticket *ticket)
{
	assert(pending->count < pending->capacity);
	pending->count++;
	*at(pending, pending->count - 1) = *ticket;
}

bool pending_pop(struct pending *pending, uint64_t durable, struct ticket *ret)
{
	if (pending->count == 0 || at(pending, 0)->position > durable)
		return false;
	*ret = *at(pending, 0);
	pending->start = (pending->start + 1) & (pending->capacity - 1);
	pending->count--;
	return true;
}

void pending_forget(struct pending *pending, const struct ingest_peer *peer)
{
	for (size_t i = 0; i < pending->count; i++) {
		if (at(pending, i)->peer == peer)
			at(pending, i)->peer = NULL;
	}
}
