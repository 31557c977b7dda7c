/* SPDX-License-Identifier: Apache-2.0 */
/* See peers.h. */
#include "sensor/uplink/peers.h"

#include <assert.h>

void peers_init(struct peers *peers, const struct address *addresses, size_t count)
{
	assert(count >= 1 && count <= PEERS_MAX);
	*peers = (struct peers){.count = count};
	for (size_t i = 0; i < count; i++)
		peers->list[i].address = addresses[i];
}

static bool is_open(const struct peer *peer, uint64_t now_ms)
{
	return peer->not_before_ms <= now_ms;
}

/* The first from start on that may be tried now, or the one that may be soonest. */
static size_t choose(const struct peers *peers, size_t start, uint64_t now_ms)
{
	size_t soonest = start % peers->count;

	for (size_t i = 0; i < peers->count; i++) {
		size_t at = (start + i) % peers->count;

		if (is_open(&peers->list[at], now_ms))
			return at;
		if (peers->list[at].not_before_ms < peers->list[soonest].not_before_ms)
			soonest = at;
	}
	return soonest;
}

uint64_t peers_next(struct peers *peers, enum peers_end end, uint32_t asked_ms, uint64_t now_ms)
{
	struct peer *peer = &peers->list[peers->current];
	bool again = end == PEERS_ENDED && asked_ms == 0;

	peer->first += end == PEERS_FAILED;
	peer->not_before_ms = asked_ms ? now_ms + asked_ms : 0;
	peers->current = choose(peers, peers->current + !again, now_ms);
	peer = &peers->list[peers->current];
	return is_open(peer, now_ms) ? 0 : peer->not_before_ms - now_ms;
}

size_t peers_better(const struct peers *peers, uint64_t turn, uint64_t now_ms)
{
	for (size_t i = 0; i < peers->current; i++) {
		size_t at = (turn + i) % peers->current;

		if (is_open(&peers->list[at], now_ms))
			return at;
	}
	return PEERS_MAX;
}
