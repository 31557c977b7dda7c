/* SPDX-License-Identifier: Apache-2.0 */
/* A relay that arrives becomes an errand: a peer of ingest that brings this one batch and leaves when it is durable. The
 * relay then travels back with the result. Like any peer it waits while ingest does; how many may wait is bounded where
 * they come from (RELAY_BYTES_MAX). */
#include "collector/shard/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/listen/session.h"
#include "collector/shard/shards.h"

struct errand {
	LIST_ENTRY(errand) siblings;
	struct shard *shard; /* where it is done */
	struct relay *relay; /* owned */
	struct ingest_peer *peer;
	bool paused, brought, bringing, done;
};

static bool is_ours(void *owner, const struct boot_id *boot)
{
	const struct shard *shard = owner;

	return placement_of(&shard->options.set->placement, boot) == shard->number;
}

static void breathe(void *owner)
{
	gate_breathe(&((struct shard *)owner)->gate);
}

/* ---- connections --------------------------------------------------------------------------------------------- */

static void deliver_passage(struct post *post, void *owner)
{
	struct passage *passage = (struct passage *)(void *)((char *)post - offsetof(struct passage, post));
	struct shard *shard = owner;

	listener_adopt(shard->listener, &shard->options.set->census, passage);
}

static void move(void *owner, const struct boot_id *boot, struct passage *passage)
{
	struct shards *set = ((struct shard *)owner)->options.set;

	passage->post.deliver = deliver_passage;
	mailbox_send(&set->all[placement_of(&set->placement, boot)]->mailbox, &passage->post);
}

/* ---- machines ------------------------------------------------------------------------------------------------ */

/* A boot is over when a later boot of its machine is known, and the two may have different shards. */
struct rumour {
	struct post post;
	uint8_t machine_id[16];
	int64_t begin_ns;
	size_t from; /* who wants to know of later boots; SHARDS_MAX = nobody: this is the answer */
};

static void deliver_rumour(struct post *post, void *owner);

/* Without memory a boot that is over is noticed when its machine says hello again. */
static void tell(struct shard *shard, size_t to, const struct rumour *what)
{
	struct rumour *rumour = malloc(sizeof(*rumour));

	if (!rumour)
		return;
	*rumour = *what;
	rumour->post.deliver = deliver_rumour;
	mailbox_send(&shard->options.set->all[to]->mailbox, &rumour->post);
}

static void deliver_rumour(struct post *post, void *owner)
{
	struct rumour *rumour = (struct rumour *)(void *)((char *)post - offsetof(struct rumour, post));
	struct shard *shard = owner;
	size_t from = rumour->from;
	int64_t latest = forest_machine_elsewhere(shard->forest, rumour->machine_id, rumour->begin_ns);

	if (latest > rumour->begin_ns && from != SHARDS_MAX && !shard->closing) {
		rumour->begin_ns = latest;
		rumour->from = SHARDS_MAX;
		tell(shard, from, rumour);
	}
	free(rumour);
}

static void joined(void *owner, const struct hello *hello)
{
	struct shard *shard = owner;
	struct rumour rumour = {.begin_ns = hello->boottime_to_wall_ns, .from = shard->number};

	if (!hello->machine_id_known)
		return;
	memcpy(rumour.machine_id, hello->machine_id, sizeof(rumour.machine_id));
	for (size_t i = 0; i < shard->options.set->count; i++)
		if (i != shard->number)
			tell(shard, i, &rumour);
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

static struct relay *relay_of(struct post *post)
{
	return (struct relay *)(void *)((char *)post - offsetof(struct relay, post));
}

static bool admit(void *owner, size_t cost)
{
	struct shard *shard = owner;

	if (shard->relay_bytes + cost > RELAY_BYTES_MAX)
		return false;
	shard->relay_bytes += cost;
	return true;
}

static void dismiss(void *owner, size_t cost)
{
	((struct shard *)owner)->relay_bytes -= cost;
}

static void deliver_back(struct post *post, void *owner)
{
	dismiss(owner, relay_cost(relay_of(post)->len));
	session_relayed(relay_of(post));
}

static void send_back(struct shard *shard, struct relay *relay, int result)
{
	relay->result = result;
	relay->post.deliver = deliver_back;
	mailbox_send(&shard->options.set->all[relay->from]->mailbox, &relay->post);
}

static void finish(struct errand *errand, int result)
{
	LIST_REMOVE(errand, siblings);
	ingest_leave(errand->peer);
	send_back(errand->shard, errand->relay, result);
	free(errand);
}

/* Of a known batch this comes while it is being brought. */
static void on_acked(void *owner, uint64_t seq)
{
	struct errand *errand = owner;

	(void)seq;
	errand->done = true;
	if (!errand->bringing)
		finish(errand, 0);
}

static void serve(struct errand *errand);

static void on_paused(void *owner, bool paused)
{
	struct errand *errand = owner;

	errand->paused = paused;
	if (!paused && !errand->brought)
		serve(errand);
}

static void on_refused(void *owner, const struct ingest_refusal *refusal)
{
	struct errand *errand = owner;

	errand->peer = NULL;
	errand->relay->refusal = *refusal;
	finish(errand, INGEST_E_REFUSED);
}

static const struct ingest_peer_events errand_events = {.acked = on_acked, .paused = on_paused, .refused = on_refused};

static void serve(struct errand *errand)
{
	struct shard *shard = errand->shard;
	struct relay *relay = errand->relay;
	int r;

	errand->brought = errand->bringing = true;
	arena_reset(&shard->arena);
	r = ingest_batch(errand->peer, &shard->arena, bytes_make(relay->data, relay->len), relay->now_ns,
			 &relay->refusal);
	errand->bringing = false;
	if (r != 0)
		finish(errand, r);
	else if (errand->done)
		finish(errand, 0);
}

static void do_errand(struct shard *shard, struct relay *relay)
{
	struct errand *errand = calloc(1, sizeof(*errand));
	int r;

	if (!errand) {
		relay->refusal = (struct ingest_refusal){REJECT_UNAVAILABLE, INGEST_RETRY_MS, "the collector is out of memory"};
		send_back(shard, relay, INGEST_E_REFUSED);
		return;
	}
	*errand = (struct errand){.shard = shard, .relay = relay};
	LIST_INSERT_HEAD(&shard->errands, errand, siblings);
	r = ingest_join_other(shard->ingest, &relay->boot, relay->stream, &relay->speaker, &errand_events, errand,
			      &errand->peer, &relay->refusal);
	if (r != 0)
		finish(errand, r);
	else if (!errand->paused)
		serve(errand);
}

static void deliver_relay(struct post *post, void *owner)
{
	struct shard *shard = owner;

	if (shard->closing)
		relay_destroy(relay_of(post));
	else
		do_errand(shard, relay_of(post));
	breathe(shard);
}

static void relay(void *owner, struct relay *relay)
{
	struct shard *shard = owner;
	struct shards *set = shard->options.set;

	relay->from = shard->number;
	relay->post.deliver = deliver_relay;
	mailbox_send(&set->all[placement_of(&set->placement, &relay->boot)]->mailbox, &relay->post);
}

void traffic_end(struct shard *shard)
{
	struct errand *errand;

	while ((errand = LIST_FIRST(&shard->errands))) {
		LIST_REMOVE(errand, siblings);
		ingest_leave(errand->peer);
		relay_destroy(errand->relay);
		free(errand);
	}
}

void traffic_route(struct shard *shard, struct route *ret)
{
	*ret = (struct route){.is_ours = is_ours,
			      .move = move,
			      .admit = admit,
			      .dismiss = dismiss,
			      .relay = relay,
			      .joined = joined,
			      .breathe = breathe,
			      .owner = shard};
}
