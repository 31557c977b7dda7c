/* SPDX-License-Identifier: Apache-2.0 */
/* See scout.h. */
#include "sensor/uplink/scout.h"

static void on_closed(void *owner)
{
	struct scout *scout = owner;

	if (scout->ending)
		scout->ended(scout->owner);
}

static void hang_up(struct scout *scout)
{
	struct stream *stream = scout->stream;

	scout->stream = NULL;
	stream_close(stream, scout->ending ? on_closed : NULL);
}

static void on_connected(void *owner)
{
	struct scout *scout = owner;

	hang_up(scout);
	scout->found(scout->owner);
}

/* Never called: nothing is read. */
static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	return -1;
}

static void on_filled(void *owner, size_t len)
{
}

static void on_ended(void *owner, int error)
{
	hang_up(owner);
}

static const struct stream_events events = {on_connected, on_space, on_filled, NULL, on_ended};

void scout_init(struct scout *scout, uv_loop_t *loop, void (*found)(void *owner), void (*ended)(void *owner),
		void *owner)
{
	*scout = (struct scout){.loop = loop, .found = found, .ended = ended, .owner = owner};
}

static void ask(struct scout *scout, const struct peer *peer)
{
	if (scout->stream)
		hang_up(scout);
	if (stream_create(&scout->stream, scout->loop, &events, scout) < 0)
		scout->stream = NULL;
	else if (stream_connect(scout->stream, peer->address.host, peer->address.port) < 0)
		hang_up(scout);
}

void scout_rest(struct scout *scout, uint32_t every_ms, uint64_t random)
{
	scout->every_ms = every_ms;
	scout->next_ms = uv_now(scout->loop) + every_ms / 2 + random % every_ms;
}

bool scout_is_due(const struct scout *scout)
{
	return uv_now(scout->loop) >= scout->next_ms;
}

void scout_look(struct scout *scout, const struct peers *peers, uint64_t random)
{
	uint64_t now_ms = uv_now(scout->loop);
	size_t place;

	scout_rest(scout, scout->every_ms, random);
	place = peers_better(peers, scout->turn++, now_ms);
	if (place == PEERS_MAX)
		return;
	scout->place = place;
	ask(scout, &peers->list[place]);
}

void scout_end(struct scout *scout)
{
	scout->ending = true;
	if (scout->stream)
		hang_up(scout);
	else
		scout->ended(scout->owner);
}
