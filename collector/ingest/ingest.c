/* SPDX-License-Identifier: Apache-2.0 */
/* The order within ingest_batch is what 'never lost, never twice' rests on: judge, join, append, and only then count
 * the batch as taken. The stream table moves forward at once, so that the same batch from a second connection is a
 * duplicate although the first is not durable yet; its ack waits behind the first one's journal position ('ticket').
 *
 * When an append fails after the join, the forest knows facts that the journal does not: nothing is taken any more
 * until the collector is started anew from its journal, and the sensors still hold what was not acknowledged. */
#include "collector/ingest/ingest.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/internal.h"
#include "collector/ingest/latency.h"
#include "collector/ingest/refusal.h"
#include "proto/batch/decoder.h"
#include "proto/seglog/crc32c.h"

/* ---- peers --------------------------------------------------------------------------------------------------- */

static struct peers *list_of(struct ingest_peer *peer)
{
	return peer->paused ? &peer->ingest->waiting : &peer->ingest->reading;
}

void ingest_pause_peer(struct ingest_peer *peer, bool paused)
{
	TAILQ_REMOVE(list_of(peer), peer, siblings);
	peer->paused = paused;
	TAILQ_INSERT_TAIL(list_of(peer), peer, siblings);
	peer->events->paused(peer->owner, paused);
}

static void pause_all(struct ingest *ingest)
{
	struct ingest_peer *peer;

	ingest->paused = ingest->pace_stopped = true;
	while ((peer = TAILQ_FIRST(&ingest->reading)))
		ingest_pause_peer(peer, true);
}

/* A peer that goes on may bring so much that all are paused again: the rest of the list then waits. */
static void resume_all(struct ingest *ingest)
{
	struct ingest_peer *peer;

	ingest->paused = false;
	while (!ingest->paused && (peer = TAILQ_FIRST(&ingest->waiting)))
		ingest_pause_peer(peer, false);
}

static void balance(struct ingest *ingest)
{
	size_t waiting = journal_pending_bytes(ingest->journal);

	if (!ingest->paused && waiting > INGEST_PENDING_HIGH)
		pause_all(ingest);
	else if (ingest->paused && waiting < INGEST_PENDING_LOW)
		resume_all(ingest);
}

void ingest_leave(struct ingest_peer *peer)
{
	struct ingest *ingest;

	if (!peer)
		return;
	ingest = peer->ingest;
	TAILQ_REMOVE(list_of(peer), peer, siblings);
	if (peer->acking)
		TAILQ_REMOVE(&ingest->acks, peer, unsaid);
	pending_forget(&ingest->pending, peer);
	speaker_finish(&peer->own);
	if (peer->session) {
		peer->entry->users--;
		peer->link->sessions--;
	}
	free(peer);
}

static void refuse_peer(struct ingest_peer *peer, const struct ingest_refusal *refusal)
{
	const struct ingest_peer_events *events = peer->events;
	void *owner = peer->owner;

	ingest_leave(peer);
	events->refused(owner, refusal);
}

int ingest_refuse_failed(const struct ingest *ingest, struct ingest_refusal *ret)
{
	return refusal_make(ret, REJECT_UNAVAILABLE, INGEST_RETRY_MS, "%s", ingest->why);
}

static struct ingest_peer *other_peer(struct ingest *ingest, const struct ingest_peer *peer)
{
	struct ingest_peer *other = TAILQ_FIRST(&ingest->reading);

	if (other && other == peer)
		other = TAILQ_NEXT(other, siblings);
	if (!other)
		other = TAILQ_FIRST(&ingest->waiting);
	return other && other == peer ? TAILQ_NEXT(other, siblings) : other;
}

/* The journal takes nothing more. current (may be NULL): the peer that is being served; it learns it by what is
 * returned. */
static void fail(struct ingest *ingest, int error, const struct ingest_peer *current)
{
	struct ingest_refusal refusal;
	struct ingest_peer *peer;

	if (ingest->error)
		return;
	ingest->error = error;
	(void)snprintf(ingest->why, sizeof(ingest->why),
		       "the collector's journal has stopped: %s; see to its disk and restart the collector",
		       strerror(-error));
	(void)ingest_refuse_failed(ingest, &refusal);
	while ((peer = other_peer(ingest, current)))
		refuse_peer(peer, &refusal);
}

/* ---- durable, acknowledged ----------------------------------------------------------------------------------- */

static void settle(struct ingest *ingest, const struct ticket *ticket, uint64_t now_ns)
{
	struct ingest_peer *peer = ticket->peer;

	if (ticket->seq > ticket->entry->durable)
		ticket->entry->durable = ticket->seq;
	ticket->entry->users--;
	ingest->pace_durable++;
	if (ticket->received_ns)
		latency_add(&ingest->stats, now_ns - ticket->received_ns);
	if (!peer)
		return;
	peer->acked_seq = ticket->seq; /* a peer's numbers only grow */
	peer->unacked--;
	if (!peer->acking)
		TAILQ_INSERT_TAIL(&ingest->acks, peer, unsaid);
	peer->acking = true;
}

static void send_acks(struct ingest *ingest)
{
	struct ingest_peer *peer;

	while ((peer = TAILQ_FIRST(&ingest->acks))) {
		TAILQ_REMOVE(&ingest->acks, peer, unsaid);
		peer->acking = false;
		peer->events->acked(peer->owner, peer->acked_seq);
	}
}

static void settle_until(struct ingest *ingest, uint64_t position)
{
	uint64_t now_ns = uv_hrtime();
	struct ticket ticket;

	while (pending_pop(&ingest->pending, position, &ticket))
		settle(ingest, &ticket, now_ns);
	send_acks(ingest);
}

static void on_durable(void *owner, uint64_t position, int error)
{
	struct ingest *ingest = owner;

	settle_until(ingest, position);
	if (error)
		fail(ingest, error, NULL);
	else
		balance(ingest);
	if (!ingest->error)
		checkpoint_turn(&ingest->checkpoint, position);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

int ingest_create(struct ingest **ret, struct forest *forest, struct journal *journal)
{
	struct ingest *ingest = calloc(1, sizeof(*ingest));

	if (!ingest)
		return -ENOMEM;
	ingest->forest = forest;
	ingest->journal = journal;
	streams_init(&ingest->streams);
	links_init(&ingest->links);
	hosts_init(&ingest->hosts, forest, &ingest->streams, &ingest->links);
	checkpoint_init(&ingest->checkpoint, forest, journal, &ingest->streams, &ingest->links);
	TAILQ_INIT(&ingest->reading);
	TAILQ_INIT(&ingest->waiting);
	TAILQ_INIT(&ingest->acks);
	ingest->pace_ns = uv_hrtime();
	journal_on_durable(journal, on_durable, ingest);
	*ret = ingest;
	return 0;
}

void ingest_destroy(struct ingest *ingest)
{
	if (!ingest)
		return;
	assert(TAILQ_EMPTY(&ingest->reading) && TAILQ_EMPTY(&ingest->waiting));
	journal_off_durable(ingest->journal, on_durable, ingest);
	checkpoint_finish(&ingest->checkpoint);
	pending_finish(&ingest->pending);
	hosts_finish(&ingest->hosts);
	links_finish(&ingest->links);
	streams_finish(&ingest->streams);
	free(ingest);
}

void ingest_require_machines(struct ingest *ingest)
{
	ingest->strict = true;
}

int ingest_recover(struct ingest *ingest, struct replay_counts *ret)
{
	struct replay_counts counts;
	int r = replay_journal(ingest->journal, ingest->forest, &ingest->streams, &ingest->links,
			       REPLAY_HISTORY_BYTES, &counts);

	if (r < 0)
		return r;
	ingest->appended = journal_durable(ingest->journal);
	checkpoint_recovered(&ingest->checkpoint, counts.checkpoint.begin ? &counts.checkpoint : NULL);
	*ret = counts;
	return 0;
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

/* Spools hold boot after boot, so that each one but the first shows itself by a change. */
static bool has_too_many_boots(struct ingest_peer *peer, const struct boot_id *boot)
{
	if (boot_id_equal(boot, &peer->newest_boot))
		return false;
	peer->newest_boot = *boot;
	peer->boots += !boot_id_equal(boot, &peer->boot);
	return peer->boots > INGEST_SESSION_BOOTS_MAX;
}

/* What a peer may bring at all, by identity and number alone. */
int ingest_check(struct ingest_peer *peer, const struct batch_id *id, struct ingest_refusal *ret)
{
	if (id->stream != peer->stream)
		return refusal_make(ret, REJECT_IDENTITY, 0, "batch %llu is of stream %016llx, the Hello said %016llx",
			      (unsigned long long)id->seq, (unsigned long long)id->stream,
			      (unsigned long long)peer->stream);
	if (id->seq == 0 || id->seq > STREAM_SEQ_MAX)
		return refusal_make(ret, REJECT_BAD_MESSAGE, 0, "batch number %llu is out of range; numbers count up from 1",
			      (unsigned long long)id->seq);
	if (id->seq <= peer->last_seq)
		return refusal_make(ret, REJECT_BAD_ORDER, 0, "batch %llu came after batch %llu of this connection",
			      (unsigned long long)id->seq, (unsigned long long)peer->last_seq);
	/* A spool may still hold batches of the boot before; they stand in front of the first one of this boot. */
	if (!boot_id_equal(&id->boot, &peer->boot) && peer->entry && peer->entry->next != 0 && id->seq > peer->entry->first)
		return refusal_make(ret, REJECT_IDENTITY, 0, "batch %llu is of another boot than the batches before it",
			      (unsigned long long)id->seq);
	if (peer->unacked >= INGEST_WINDOW_BATCHES)
		return refusal_make(ret, REJECT_LIMIT, 0,
			      "more than %u batches are unacknowledged, which is the window that the Welcome gave",
			      INGEST_WINDOW_BATCHES);
	if (has_too_many_boots(peer, &id->boot))
		return refusal_make(ret, REJECT_LIMIT, 0,
			      "batches of more than %u boots before came in one connection; the rest may come in the next one",
			      INGEST_SESSION_BOOTS_MAX);
	return 0;
}

void ingest_passed(struct ingest_peer *peer, uint64_t seq)
{
	peer->last_seq = seq;
}

uint32_t ingest_unacked(const struct ingest_peer *peer)
{
	return peer->unacked;
}

/* Must be reserved before. */
static void queue_ack(struct ingest_peer *peer, struct stream_entry *entry, uint64_t seq, uint64_t received_ns)
{
	struct ticket ticket = {peer->ingest->appended, peer, entry, seq, received_ns};

	entry->users++;
	peer->unacked++;
	peer->brought++;
	peer->last_seq = seq;
	pending_push(&peer->ingest->pending, &ticket);
}

/* A batch as it came. */
struct arrival {
	struct bytes data;
	uint32_t checksum;
	enum stream_verdict judged;
	int64_t now_ns;
};

static int decode(struct arena *arena, struct bytes data, struct batch *ret, struct ingest_refusal *ret_refusal)
{
	const char *why = "unreadable";
	int r = batch_decode(arena, (const uint8_t *)data.data, data.len, ret, &why);

	if (r == -ENOMEM)
		return refusal_memory(ret_refusal);
	if (r == -E2BIG)
		return refusal_make(ret_refusal, REJECT_LIMIT, 0,
			      "a batch of %u bytes decodes to more than %u events or %u bytes", data.len,
			      BATCH_DECODED_EVENTS_MAX, BATCH_DECODED_BYTES_MAX);
	if (r < 0)
		return refusal_make(ret_refusal, REJECT_BAD_MESSAGE, 0, "bad batch: %.200s", why);
	return 0;
}

static void count_batch(struct ingest *ingest, struct link *link, const struct batch *batch, enum stream_verdict verdict,
			int64_t now_ns)
{
	ingest->stats.batches_new++;
	ingest->stats.sequence_gaps += verdict == STREAM_GAP;
	link_seen(link, ingest->appended, now_ns);
	link->sequence_gaps += verdict == STREAM_GAP;
	if (batch->fact_count > 0)
		link_batch(link, apply_newest(batch), batch->boottime_to_wall_ns, now_ns);
}

/* A batch that is to be joined, with all that it needs for it. */
struct join {
	struct batch batch;
	struct forest_host *host;
	struct link *link;
	struct stream_entry *entry;
	struct apply_verdict verdict; /* in the arena */
};

/* Only what decodes may make a host or a stream, so that garbage costs no memory for long. */
static int prepare(struct ingest_peer *peer, struct arena *arena, struct bytes data, int64_t now_ns, struct join *ret,
		   struct ingest_refusal *ret_refusal)
{
	struct ingest *ingest = peer->ingest;
	int r = decode(arena, data, &ret->batch, ret_refusal);

	if (r != 0)
		return r;
	ret->verdict.facts = arena_zalloc(arena, (ret->batch.fact_count + 7) / 8 + 1, 1);
	ret->verdict.gaps = arena_zalloc(arena, (ret->batch.gap_count + 7) / 8 + 1, 1);
	if (!ret->verdict.facts || !ret->verdict.gaps || pending_reserve(&ingest->pending) < 0)
		return refusal_memory(ret_refusal);
	r = hosts_get(&ingest->hosts, &ret->batch.id.boot, peer->speaker, now_ns, &ret->host, &ret->link);
	if (r < 0)
		return ingest_refuse_host(ingest, r, ret_refusal);
	return ingest_resolve_stream(ingest, &ret->batch.id.boot, ret->batch.id.stream, &ret->entry, ret_refusal);
}

/* Of the sensors of one boot that contradict each other the one that came first stays; the others are kept apart from it: not a
 * fact of theirs is taken, and everybody is told. */
static int part_clones(struct ingest_peer *peer, struct ingest_refusal *ret)
{
	struct peers *const lists[] = {&peer->ingest->reading, &peer->ingest->waiting};
	struct ingest_peer *other, *next;
	bool first = true;

	for (unsigned i = 0; i < 2; i++)
		TAILQ_FOREACH(other, lists[i], siblings)
			first = first && !(other->link == peer->link && other->session && other->stream != peer->stream &&
					   other->turn < peer->turn);
	if (!first)
		return ingest_refuse_clone(peer->link, peer->stream, ret);
	for (unsigned i = 0; i < 2; i++) {
		for (other = TAILQ_FIRST(lists[i]); other; other = next) {
			next = TAILQ_NEXT(other, siblings);
			if (other->link != peer->link || !other->session || other->stream == peer->stream)
				continue;
			(void)ingest_refuse_clone(other->link, other->stream, ret);
			refuse_peer(other, ret);
		}
	}
	return 0;
}

/* After the join an append must not fail for want of room: the forest would know what the journal does not. */
static int reserve(struct ingest *ingest, const struct join *join, struct bytes data, struct ingest_refusal *ret)
{
	int r = journal_reserve_batch(ingest->journal, data.len, join->batch.fact_count, join->batch.gap_count);

	if (r == -ENOBUFS)
		return refusal_make(ret, REJECT_UNAVAILABLE, INGEST_RETRY_MS,
			      "more waits for the collector's disk than it can hold; come back later");
	return r == -ENOMEM ? refusal_memory(ret) : r;
}

static int take(struct ingest_peer *peer, struct arena *arena, const struct arrival *arrival,
		struct ingest_refusal *ret_refusal)
{
	struct ingest *ingest = peer->ingest;
	uint64_t received_ns = uv_hrtime(), seq;
	struct journal_verdict verdict;
	struct join join;
	int r = prepare(peer, arena, arrival->data, arrival->now_ns, &join, ret_refusal);

	if (r == 0 && peer->session && peer->link->sessions > 1 && clones_contradict(join.host, &join.batch))
		r = part_clones(peer, ret_refusal);
	if (r == 0)
		r = reserve(ingest, &join, arrival->data, ret_refusal);
	if (r != 0)
		return r;
	seq = join.batch.id.seq;
	if (arrival->judged == STREAM_GAP)
		apply_sequence_gap(ingest->forest, join.host, join.entry, &join.batch);
	apply_batch(ingest->forest, join.host, &join.batch, &join.verdict, &ingest->applied);
	verdict = (struct journal_verdict){join.verdict.facts, join.verdict.gaps, join.batch.fact_count,
					   join.batch.gap_count};
	r = journal_append_batch(ingest->journal, arrival->now_ns, arrival->data, &verdict, &ingest->appended);
	if (r < 0)
		return r;
	stream_take(join.entry, seq, apply_newest(&join.batch));
	stream_remember(join.entry, seq, arrival->checksum);
	count_batch(ingest, join.link, &join.batch, arrival->judged, arrival->now_ns);
	queue_ack(peer, join.entry, seq, received_ns);
	return 0;
}

static int take_duplicate(struct ingest_peer *peer, struct stream_entry *entry, uint64_t seq,
			  struct ingest_refusal *ret_refusal)
{
	struct ingest *ingest = peer->ingest;

	if (pending_reserve(&ingest->pending) < 0)
		return refusal_memory(ret_refusal);
	ingest->stats.batches_duplicate++;
	queue_ack(peer, entry, seq, 0);
	if (ingest->appended <= journal_durable(ingest->journal))
		settle_until(ingest, ingest->appended);
	return 0;
}

static int refuse_conflict(struct ingest_peer *peer, const struct batch_id *id, struct ingest_refusal *ret)
{
	struct link *link = peer->link ? peer->link : links_find(&peer->ingest->links, &id->boot);

	if (link)
		link->clones.contradictions++;
	return refusal_make(ret, REJECT_IDENTITY, 0,
		      "another batch %llu of stream %016llx was taken before: two machines share boot id and spool, as clones of "
		      "one memory snapshot do; give one a new boot",
		      (unsigned long long)id->seq, (unsigned long long)id->stream);
}

int ingest_batch(struct ingest_peer *peer, struct arena *arena, struct bytes data, int64_t now_ns,
		 struct ingest_refusal *ret_refusal)
{
	struct arrival arrival = {.data = data, .judged = STREAM_NEW, .now_ns = now_ns};
	struct ingest *ingest = peer->ingest;
	struct stream_entry *entry;
	struct batch_id id;
	int r;

	if (batch_peek((const uint8_t *)data.data, data.len, &id) < 0)
		return refusal_make(ret_refusal, REJECT_BAD_MESSAGE, 0,
			      "bad batch: boot_id, stream or seq is missing or damaged");
	r = ingest_check(peer, &id, ret_refusal);
	if (r == 0 && !boot_id_equal(&id.boot, &peer->boot))
		r = ingest_check_speaker(ingest, &id.boot, peer->speaker, ret_refusal);
	if (r != 0)
		return r;
	entry = streams_find(&ingest->streams, &id.boot, id.stream);
	arrival.checksum = crc32c(0, data.data, data.len);
	if (entry)
		arrival.judged = stream_judge(entry, id.seq, arrival.checksum);
	if (arrival.judged == STREAM_CONFLICT)
		return refuse_conflict(peer, &id, ret_refusal);
	if (arrival.judged == STREAM_DUPLICATE)
		return take_duplicate(peer, entry, id.seq, ret_refusal);
	r = take(peer, arena, &arrival, ret_refusal);
	if (r < 0) {
		fail(ingest, r, peer);
		return ingest_refuse_failed(ingest, ret_refusal);
	}
	if (r == 0)
		balance(ingest);
	return r;
}

/* Some heartbeat comes at any time; without any there is nobody whom those who are over could be in the way of. */
static void expire(struct ingest *ingest, int64_t now_ns)
{
	uint64_t clock_ns = uv_hrtime();

	if (clock_ns < ingest->expire_ns)
		return;
	ingest->expire_ns = clock_ns + INGEST_EXPIRE_NS;
	hosts_expire(&ingest->hosts, journal_first(ingest->journal), now_ns);
}

void ingest_heartbeat(struct ingest_peer *peer, const struct heartbeat *heartbeat, int64_t now_ns)
{
	link_seen(peer->link, 0, now_ns);
	link_heartbeat(peer->link, heartbeat, now_ns);
	expire(peer->ingest, now_ns);
}

void ingest_goodbye(struct ingest_peer *peer)
{
	peer->link->goodbye = true;
}

/* ---- pace ---------------------------------------------------------------------------------------------------- */

/* Those that brought something share the rate; whoever is idle may begin with the same. */
static uint32_t share_of(struct ingest *ingest)
{
	struct peers *const lists[] = {&ingest->reading, &ingest->waiting};
	uint32_t active = 0, share;
	struct ingest_peer *peer;

	for (size_t i = 0; i < 2; i++) {
		TAILQ_FOREACH(peer, lists[i], siblings) {
			active += peer->brought > 0;
			peer->brought = 0;
		}
	}
	if (ingest->pace.rate == 0)
		return 0;
	share = ingest->pace.rate / (active ? active : 1);
	return share ? share : 1;
}

static void tell_pace(struct ingest *ingest)
{
	struct peers *const lists[] = {&ingest->reading, &ingest->waiting};
	uint32_t share = share_of(ingest);
	struct ingest_peer *peer;

	for (size_t i = 0; i < 2; i++) {
		TAILQ_FOREACH(peer, lists[i], siblings) {
			/* A little up and down is not worth a message. */
			if (peer->pace == share || (share && peer->pace && share > peer->pace / 5 * 4 && share < peer->pace / 4 * 5))
				continue;
			peer->pace = share;
			if (peer->events->paced)
				peer->events->paced(peer->owner, share);
		}
	}
}

bool ingest_pace(struct ingest *ingest, bool memory_tight, uint32_t *ret_rate)
{
	uint64_t now_ns = uv_hrtime(), oldest_ns = pending_oldest(&ingest->pending);
	struct pace_look look = {.pending_bytes = journal_pending_bytes(ingest->journal),
				 .oldest_wait_ns = oldest_ns && oldest_ns < now_ns ? now_ns - oldest_ns : 0,
				 .stopped = ingest->pace_stopped,
				 .memory_tight = memory_tight,
				 .durable = ingest->pace_durable,
				 .elapsed_ns = now_ns - ingest->pace_ns};
	bool changed = pace_decide(&ingest->pace, &look);

	ingest->pace_durable = 0;
	ingest->pace_ns = now_ns;
	ingest->pace_stopped = ingest->paused;
	tell_pace(ingest);
	*ret_rate = ingest->pace.rate;
	return changed;
}

/* ---- for the console ----------------------------------------------------------------------------------------- */

void ingest_link(const struct ingest *ingest, const struct boot_id *boot, int64_t now_ns, struct fleet_link *ret)
{
	link_show(links_find(&ingest->links, boot), INGEST_WINDOW_BATCHES, now_ns, ret);
}

void ingest_stats(const struct ingest *ingest, struct fleet_ingest_stats *stats)
{
	const struct fleet_ingest_stats *own = &ingest->stats;

	stats->batches_new += own->batches_new;
	stats->batches_duplicate += own->batches_duplicate;
	stats->sequence_gaps += own->sequence_gaps;
	stats->checkpoints += ingest->checkpoint.written;
	stats->checkpoint_failures += ingest->checkpoint.failures;
	stats->foreign_total += own->foreign_total;
	stats->hosts_forgotten += ingest->hosts.forgotten;
	stats->pace += ingest->pace.rate;
	stats->shards_paced += ingest->pace.rate > 0;
	stats->latency_sum += own->latency_sum;
	for (size_t i = 0; i < sizeof(own->latency_counts) / sizeof(*own->latency_counts); i++)
		stats->latency_counts[i] += own->latency_counts[i];
	for (size_t i = 0; i < sizeof(ingest->applied.facts_new) / sizeof(*ingest->applied.facts_new); i++) {
		stats->facts_new[i] += ingest->applied.facts_new[i];
		stats->facts_known[i] += ingest->applied.facts_known[i];
	}
}

bool ingest_ready(const struct ingest *ingest, const char **ret_why)
{
	int waits = journal_error(ingest->journal);

	if (ingest->error)
		*ret_why = ingest->why;
	else if (waits)
		*ret_why = "the journal's disk is full; make room, the collector goes on by itself";
	return !ingest->error && !waits;
}
