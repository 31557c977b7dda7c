/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/ingest.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

/* The real forest and the real journal; only writes to the disk can be made to fail (--wrap). */

#define NOW 1700000000000000000ll

static int sync_error;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	int error = __atomic_load_n(&sync_error, __ATOMIC_RELAXED);

	if (!error)
		return __real_fdatasync(fd);
	errno = error;
	return -1;
}

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct arena arena;
	struct batches batches; /* of boot 1, stream 77 */
	bool closed;
};

/* A session as ingest sees it. */
struct visitor {
	struct ingest_peer *peer;
	struct welcome welcome;
	uint64_t acked;
	unsigned acks;
	bool paused, refused;
	struct ingest_refusal refusal;
};

static void on_acked(void *owner, uint64_t seq)
{
	struct visitor *visitor = owner;

	assert_true(seq > visitor->acked);
	visitor->acked = seq;
	visitor->acks++;
}

static void on_paused(void *owner, bool paused)
{
	((struct visitor *)owner)->paused = paused;
}

static void on_refused(void *owner, const struct ingest_refusal *refusal)
{
	struct visitor *visitor = owner;

	visitor->peer = NULL;
	visitor->refused = true;
	visitor->refusal = *refusal;
}

static const struct ingest_peer_events events = {.acked = on_acked, .paused = on_paused, .refused = on_refused};

static void open_rooms(struct rig *rig)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct journal_options journal = {.dir = rig->folder.path};
	struct seglog_recovery recovery;
	char *why = NULL;

	assert_int_equal(forest_create(&rig->forest, &forest), 0);
	assert_int_equal(journal_open(&rig->journal, &rig->loop, &journal, &recovery, &why), 0);
	assert_int_equal(ingest_create(&rig->ingest, rig->forest, rig->journal), 0);
}

static void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static void close_rooms(struct rig *rig)
{
	ingest_destroy(rig->ingest);
	rig->closed = false;
	journal_close(rig->journal, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	forest_destroy(rig->forest);
}

static struct replay_counts reopen(struct rig *rig)
{
	struct replay_counts counts;

	close_rooms(rig);
	open_rooms(rig);
	assert_int_equal(ingest_recover(rig->ingest, &counts), 0);
	return counts;
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	sync_error = 0;
	*state = rig;
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0 ||
	    batches_init(&rig->batches, 1, 77) != 0)
		return -1;
	open_rooms(rig);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	close_rooms(rig);
	batches_finish(&rig->batches);
	arena_finish(&rig->arena);
	folder_remove(&rig->folder);
	if (!loop_finish(&rig->loop))
		return -1;
	free(rig);
	return 0;
}

static struct hello hello_of(const struct rig *rig, uint64_t first_unacked)
{
	return (struct hello){.protocol_version = 1,
			      .boot = rig->batches.boot,
			      .hostname = BYTES_LITERAL("web-1"),
			      .stream = rig->batches.stream,
			      .first_unacked_seq = first_unacked};
}

static void join(struct rig *rig, struct visitor *visitor, uint64_t first_unacked)
{
	struct hello hello = hello_of(rig, first_unacked);

	*visitor = (struct visitor){0};
	assert_int_equal(ingest_join(rig->ingest, &hello, NULL, &events, visitor, NOW, &visitor->peer, &visitor->welcome,
				     &visitor->refusal),
			 0);
}

static int bring_bytes(struct rig *rig, struct visitor *visitor, const void *data, size_t len)
{
	arena_reset(&rig->arena);
	return ingest_batch(visitor->peer, &rig->arena, bytes_make(data, len), NOW, &visitor->refusal);
}

/* Facts of batch seq: count forks that no other batch has. */
static int bring_of(struct rig *rig, struct visitor *visitor, uint64_t seq, unsigned count)
{
	size_t len;
	const uint8_t *data = batches_make(&rig->batches, seq, count, seq * 1000000, &len);

	assert_non_null(data);
	return bring_bytes(rig, visitor, data, len);
}

static void bring(struct rig *rig, struct visitor *visitor, uint64_t seq)
{
	assert_int_equal(bring_of(rig, visitor, seq, 10), 0);
}

struct wait {
	const struct visitor *visitor;
	uint64_t seq;
};

static bool has_ack(void *owner)
{
	const struct wait *wait = owner;

	return wait->visitor->acked >= wait->seq;
}

static void wait_ack(struct rig *rig, const struct visitor *visitor, uint64_t seq)
{
	struct wait wait = {visitor, seq};

	assert_true(loop_until(&rig->loop, has_ack, &wait));
	assert_int_equal(visitor->acked, seq);
}

static bool was_refused(void *owner)
{
	return ((struct visitor *)owner)->refused;
}

static struct fleet_ingest_stats stats_of(const struct rig *rig)
{
	struct fleet_ingest_stats stats = {0};

	ingest_stats(rig->ingest, &stats);
	return stats;
}

static struct forest_host_info host_of(const struct rig *rig)
{
	struct forest_host *host = forest_host_find(rig->forest, &rig->batches.boot);
	struct forest_host_info info;

	assert_non_null(host);
	forest_host_info(host, &info);
	return info;
}

static void acks_when_durable_and_not_before(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 1);
	assert_int_equal(visitor.welcome.resume_seq, 1);
	assert_int_equal(visitor.welcome.window_batches, INGEST_WINDOW_BATCHES);
	bring(rig, &visitor, 1);
	bring(rig, &visitor, 2);
	assert_int_equal(visitor.acks, 0);
	wait_ack(rig, &visitor, 2);
	assert_int_equal(host_of(rig).facts[FACT_FORK], 20);
	assert_int_equal(stats_of(rig).batches_new, 2);
	assert_int_equal(stats_of(rig).facts_new[FACT_FORK], 20);
	ingest_leave(visitor.peer);
}

static void two_connections_of_one_stream_count_once(void **state)
{
	struct rig *rig = *state;
	struct visitor one, two;

	join(rig, &one, 1);
	bring(rig, &one, 1);
	bring(rig, &one, 2);
	join(rig, &two, 1);                          /* the sensor believes that the first connection is dead */
	assert_int_equal(two.welcome.resume_seq, 1); /* nothing is durable yet */
	bring(rig, &two, 1);
	bring(rig, &two, 2);
	bring(rig, &two, 3);
	assert_int_equal(two.acks, 0);
	wait_ack(rig, &two, 3);
	wait_ack(rig, &one, 2);
	assert_int_equal(stats_of(rig).batches_new, 3);
	assert_int_equal(stats_of(rig).batches_duplicate, 2);
	assert_int_equal(host_of(rig).facts[FACT_FORK], 30);
	ingest_leave(one.peer);
	ingest_leave(two.peer);
}

static void a_duplicate_of_durable_batches_is_acked_at_once(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 1);
	bring(rig, &visitor, 1);
	wait_ack(rig, &visitor, 1);
	ingest_leave(visitor.peer);
	join(rig, &visitor, 1);
	assert_int_equal(visitor.welcome.resume_seq, 2);
	bring(rig, &visitor, 1);
	assert_int_equal(visitor.acked, 1);
	ingest_leave(visitor.peer);
}

static void a_jump_is_a_gap_that_people_see(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;
	struct fleet_link link;

	join(rig, &visitor, 1);
	bring(rig, &visitor, 1);
	bring(rig, &visitor, 5);
	wait_ack(rig, &visitor, 5);
	assert_int_equal(host_of(rig).gap_count, 1);
	assert_int_equal(host_of(rig).gaps[0].gap.reason, GAP_SEQUENCE);
	assert_int_equal(host_of(rig).gaps[0].gap.from_ns, 1000000 + 9 * BATCHES_STEP_NS);
	assert_int_equal(host_of(rig).gaps[0].gap.to_ns, 5000000);
	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	assert_int_equal(link.sequence_gaps, 1);
	assert_int_equal(stats_of(rig).sequence_gaps, 1);
	ingest_leave(visitor.peer);
}

static void a_stream_may_begin_anywhere(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 500);
	assert_int_equal(visitor.welcome.resume_seq, 500);
	bring(rig, &visitor, 500);
	wait_ack(rig, &visitor, 500);
	assert_int_equal(stats_of(rig).sequence_gaps, 0);
	ingest_leave(visitor.peer);
}

static void recovery_knows_what_was_taken(void **state)
{
	struct rig *rig = *state;
	struct replay_counts counts;
	struct visitor visitor;

	join(rig, &visitor, 1);
	bring(rig, &visitor, 1);
	bring(rig, &visitor, 4);
	wait_ack(rig, &visitor, 4);
	ingest_leave(visitor.peer);
	counts = reopen(rig);
	assert_int_equal(counts.batches, 2);
	assert_int_equal(counts.facts, 20);
	assert_int_equal(counts.hosts, 1);
	assert_int_equal(host_of(rig).facts[FACT_FORK], 20);
	assert_int_equal(host_of(rig).gap_count, 1);
	assert_true(bytes_equal(host_of(rig).hostname, BYTES_LITERAL("web-1")));
	join(rig, &visitor, 1);
	assert_int_equal(visitor.welcome.resume_seq, 5);
	bring(rig, &visitor, 4);
	bring(rig, &visitor, 5);
	wait_ack(rig, &visitor, 5);
	assert_int_equal(stats_of(rig).batches_duplicate, 1);
	assert_int_equal(stats_of(rig).batches_new, 1);
	ingest_leave(visitor.peer);
}

static void a_host_is_described_once_until_it_changes(void **state)
{
	struct rig *rig = *state;
	struct hello hello = hello_of(rig, 1);
	struct visitor visitor = {0};
	struct replay_counts counts;

	for (int i = 0; i < 3; i++) {
		join(rig, &visitor, 1);
		ingest_leave(visitor.peer);
	}
	hello.kernel = BYTES_LITERAL("6.18");
	assert_int_equal(
	    ingest_join(rig->ingest, &hello, NULL, &events, &visitor, NOW, &visitor.peer, &visitor.welcome, &visitor.refusal),
	    0);
	ingest_leave(visitor.peer);
	counts = reopen(rig);
	assert_int_equal(counts.hosts, 2);
	join(rig, &visitor, 1); /* back to the first description: a change again */
	ingest_leave(visitor.peer);
	join(rig, &visitor, 1);
	ingest_leave(visitor.peer);
	assert_int_equal(reopen(rig).hosts, 3);
}

static void another_batch_under_a_taken_number_is_refused(void **state)
{
	struct rig *rig = *state;
	struct visitor one, two;

	join(rig, &one, 1);
	join(rig, &two, 1);
	bring(rig, &one, 1);
	assert_int_equal(bring_of(rig, &two, 1, 3), INGEST_E_REFUSED);
	assert_int_equal(two.refusal.code, REJECT_IDENTITY);
	assert_non_null(strstr(two.refusal.reason, "clones"));
	ingest_leave(two.peer);
	wait_ack(rig, &one, 1);
	ingest_leave(one.peer);
}

static void likewise_after_a_restart(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 1);
	bring(rig, &visitor, 1);
	wait_ack(rig, &visitor, 1);
	ingest_leave(visitor.peer);
	(void)reopen(rig);
	join(rig, &visitor, 1);
	bring(rig, &visitor, 1);
	assert_int_equal(stats_of(rig).batches_duplicate, 1);
	ingest_leave(visitor.peer);
	join(rig, &visitor, 1);
	assert_int_equal(bring_of(rig, &visitor, 1, 3), INGEST_E_REFUSED);
	assert_int_equal(visitor.refusal.code, REJECT_IDENTITY);
	ingest_leave(visitor.peer);
}

static void assert_refused_batch(struct rig *rig, struct visitor *visitor, uint64_t seq, enum reject_code code)
{
	assert_int_equal(bring_of(rig, visitor, seq, 1), INGEST_E_REFUSED);
	assert_int_equal(visitor->refusal.code, code);
	assert_true(visitor->refusal.reason[0] != '\0');
}

static void numbers_must_grow_and_be_possible(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 1);
	bring(rig, &visitor, 7);
	assert_refused_batch(rig, &visitor, 7, REJECT_BAD_ORDER);
	assert_refused_batch(rig, &visitor, 6, REJECT_BAD_ORDER);
	assert_refused_batch(rig, &visitor, UINT64_MAX, REJECT_BAD_MESSAGE);
	assert_refused_batch(rig, &visitor, UINT64_MAX / 2 + 1, REJECT_BAD_MESSAGE);
	ingest_leave(visitor.peer);
}

static void a_foreign_stream_is_refused(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 1);
	rig->batches.stream = 78;
	assert_refused_batch(rig, &visitor, 1, REJECT_IDENTITY);
	ingest_leave(visitor.peer);
}

static void backlog_of_the_boot_before_comes_first_or_never(void **state)
{
	struct rig *rig = *state;
	struct boot_id now = rig->batches.boot, before;
	struct visitor visitor;

	memset(&before, 9, sizeof(before));
	join(rig, &visitor, 1);
	rig->batches.boot = before;
	bring(rig, &visitor, 1);
	bring(rig, &visitor, 2);
	rig->batches.boot = now;
	bring(rig, &visitor, 3);
	wait_ack(rig, &visitor, 3);
	rig->batches.boot = before;
	assert_int_equal(host_of(rig).facts[FACT_FORK], 20);
	assert_refused_batch(rig, &visitor, 4, REJECT_IDENTITY);
	rig->batches.boot = now;
	ingest_leave(visitor.peer);
}

static void garbage_is_refused_and_harms_nobody(void **state)
{
	struct rig *rig = *state;
	struct visitor bad, good;
	const uint8_t *data;
	uint8_t *cut;
	size_t len;

	join(rig, &bad, 1);
	join(rig, &good, 1);
	assert_int_equal(bring_bytes(rig, &bad, "garbage", 7), INGEST_E_REFUSED);
	assert_int_equal(bad.refusal.code, REJECT_BAD_MESSAGE);
	data = batches_make(&rig->batches, 1, 10, 1000, &len);
	assert_non_null(data);
	cut = malloc(len);
	assert_non_null(cut);
	memcpy(cut, data, len);
	assert_int_equal(bring_bytes(rig, &bad, cut, len - 1), INGEST_E_REFUSED);
	assert_int_equal(bad.refusal.code, REJECT_BAD_MESSAGE);
	free(cut);
	ingest_leave(bad.peer);
	bring(rig, &good, 2);
	wait_ack(rig, &good, 2);
	ingest_leave(good.peer);
}

static void the_window_is_a_bound(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;

	join(rig, &visitor, 1);
	for (uint64_t seq = 1; seq <= INGEST_WINDOW_BATCHES; seq++)
		bring(rig, &visitor, seq);
	assert_refused_batch(rig, &visitor, INGEST_WINDOW_BATCHES + 1, REJECT_LIMIT);
	wait_ack(rig, &visitor, INGEST_WINDOW_BATCHES);
	bring(rig, &visitor, INGEST_WINDOW_BATCHES + 1); /* the window is open again */
	wait_ack(rig, &visitor, INGEST_WINDOW_BATCHES + 1);
	ingest_leave(visitor.peer);
}

static void leaving_with_batches_on_their_way_is_safe(void **state)
{
	struct rig *rig = *state;
	struct visitor one, two;

	join(rig, &one, 1);
	bring(rig, &one, 1);
	ingest_leave(one.peer);
	join(rig, &two, 1);
	bring(rig, &two, 1);
	wait_ack(rig, &two, 1);
	assert_int_equal(one.acks, 0);
	assert_int_equal(stats_of(rig).batches_duplicate, 1);
	ingest_leave(two.peer);
}

static void a_failed_journal_refuses_everybody(void **state)
{
	struct rig *rig = *state;
	struct hello hello = hello_of(rig, 1);
	struct visitor one, two, late = {0};
	const char *why = NULL;

	assert_true(ingest_ready(rig->ingest, &why));
	join(rig, &one, 1);
	join(rig, &two, 1);
	__atomic_store_n(&sync_error, EIO, __ATOMIC_RELAXED);
	bring(rig, &one, 1);
	assert_true(loop_until(&rig->loop, was_refused, &one));
	assert_true(two.refused);
	assert_int_equal(one.acks, 0);
	assert_int_equal(one.refusal.code, REJECT_UNAVAILABLE);
	assert_int_equal(one.refusal.retry_after_ms, INGEST_RETRY_MS);
	assert_int_equal(
	    ingest_join(rig->ingest, &hello, NULL, &events, &late, NOW, &late.peer, &late.welcome, &late.refusal),
	    INGEST_E_REFUSED);
	assert_int_equal(late.refusal.code, REJECT_UNAVAILABLE);
	assert_false(ingest_ready(rig->ingest, &why));
	assert_non_null(strstr(why, "journal"));
}

static void everybody_waits_while_the_disk_is_behind(void **state)
{
	struct rig *rig = *state;
	struct visitor one, two, late;
	uint64_t seq = 1;

	join(rig, &one, 1);
	join(rig, &two, 1);
	/* No turn of the loop, so that nothing becomes durable; duplicates of a second connection would not count. */
	while (!one.paused) {
		char *argv = calloc(1, 300000);
		struct fact_context context = {0};
		struct fact fact = {
		    .type = FACT_EXEC, .flags = FACT_ARGV_KNOWN, .time_ns = seq, .self = {seq, 2}, .context = &context};
		struct batch_id id = {rig->batches.boot, rig->batches.stream, seq};
		const uint8_t *data;
		size_t len;

		assert_non_null(argv);
		memset(argv, 'a', 299999);
		fact.argv = bytes_make(argv, 300000);
		fact.argv_bytes = 300000;
		assert_int_equal(batch_encoder_add(rig->batches.encoder, &fact), 0);
		assert_int_equal(batch_encoder_finish(rig->batches.encoder, &id, 0, &data, &len), 0);
		assert_int_equal(bring_bytes(rig, &one, data, len), 0);
		free(argv);
		assert_true(seq++ <= INGEST_WINDOW_BATCHES);
	}
	assert_true(journal_pending_bytes(rig->journal) > INGEST_PENDING_HIGH);
	assert_true(two.paused);
	join(rig, &late, 1);
	assert_true(late.paused);
	wait_ack(rig, &one, seq - 1);
	assert_false(one.paused || two.paused || late.paused);
	ingest_leave(one.peer);
	ingest_leave(two.peer);
	ingest_leave(late.peer);
}

static void the_link_follows_sessions_and_heartbeats(void **state)
{
	struct rig *rig = *state;
	struct heartbeat heartbeat = {.boottime_ns = 5, .queue_batches = 0, .rss_bytes = 4242};
	struct visitor visitor;
	struct fleet_link link;

	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	assert_false(link.connected);
	join(rig, &visitor, 1);
	ingest_heartbeat(visitor.peer, &heartbeat, NOW);
	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	assert_true(link.connected && link.heard);
	assert_int_equal(link.sessions, 1);
	assert_int_equal(link.heartbeat.rss_bytes, 4242);
	assert_int_equal(link.lag_ns, 0);
	ingest_leave(visitor.peer);
	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	assert_false(link.connected || link.goodbye); /* lost, not gone */
	assert_true(link.heard);
	join(rig, &visitor, 1);
	ingest_goodbye(visitor.peer);
	ingest_leave(visitor.peer);
	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	assert_true(link.goodbye);
	join(rig, &visitor, 1);
	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	assert_false(link.goodbye);
	ingest_leave(visitor.peer);
}

static void latency_is_counted_once_a_batch(void **state)
{
	struct rig *rig = *state;
	struct fleet_ingest_stats stats;
	struct visitor visitor;
	uint64_t counted = 0;

	join(rig, &visitor, 1);
	bring(rig, &visitor, 1);
	bring(rig, &visitor, 2);
	wait_ack(rig, &visitor, 2);
	stats = stats_of(rig);
	for (size_t i = 0; i < 12; i++)
		counted += stats.latency_counts[i];
	assert_int_equal(counted, 2);
	assert_true(stats.latency_sum > 0);
	ingest_leave(visitor.peer);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* One process of stream: begun at start_ns, ended at end_ns (0 = only begun). */
static int bring_life(struct rig *rig, struct visitor *visitor, uint64_t stream, uint64_t seq, uint64_t start_ns, uint64_t end_ns)
{
	struct batch_id id = {.boot = rig->batches.boot, .stream = stream, .seq = seq};
	struct fact_context context = {.loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN};
	struct fact fact = {.type = end_ns ? FACT_EXIT : FACT_FORK,
			    .time_ns = end_ns ? end_ns : start_ns,
			    .self = {start_ns, 4000},
			    .parent = {1, 1},
			    .creator = {1, 1},
			    .tid = 4000,
			    .comm = BYTES_LITERAL("sh"),
			    .context = &context};
	const uint8_t *data;
	size_t len;

	assert_int_equal(batch_encoder_add(rig->batches.encoder, &fact), 0);
	assert_int_equal(batch_encoder_finish(rig->batches.encoder, &id, 0, &data, &len), 0);
	return bring_bytes(rig, visitor, data, len);
}

static int join_stream(struct rig *rig, struct visitor *visitor, uint64_t stream)
{
	struct hello hello = hello_of(rig, 1);

	*visitor = (struct visitor){0};
	hello.stream = stream;
	return ingest_join(rig->ingest, &hello, NULL, &events, visitor, NOW, &visitor->peer, &visitor->welcome, &visitor->refusal);
}

static uint64_t contradictions(struct rig *rig)
{
	struct fleet_link link;

	ingest_link(rig->ingest, &rig->batches.boot, NOW, &link);
	return link.contradictions;
}

/* Two sensors of one kernel: an upgrade, or a container beside its host. */
static void sensors_of_one_kernel_are_one_host(void **state)
{
	struct rig *rig = *state;
	struct visitor old, new;

	assert_int_equal(join_stream(rig, &old, 71), 0);
	assert_int_equal(join_stream(rig, &new, 72), 0);
	assert_int_equal(bring_life(rig, &old, 71, 1, 100, 0), 0);
	assert_int_equal(bring_life(rig, &new, 72, 1, 100, 0), 0);
	assert_int_equal(bring_life(rig, &new, 72, 2, 200, 0), 0); /* the pid again, before its end has come from here */
	assert_int_equal(bring_life(rig, &old, 71, 2, 100, 150), 0);
	assert_int_equal(bring_life(rig, &new, 72, 3, 100, 150), 0);
	assert_int_equal(contradictions(rig), 0);
	ingest_leave(old.peer);
	ingest_leave(new.peer);
}

static void a_clone_is_noticed_and_kept_apart(void **state)
{
	struct rig *rig = *state;
	struct visitor first, clone;

	assert_int_equal(join_stream(rig, &first, 71), 0);
	assert_int_equal(join_stream(rig, &clone, 72), 0);
	assert_int_equal(bring_life(rig, &first, 71, 1, 100, 0), 0);
	assert_int_equal(bring_life(rig, &clone, 72, 1, 150, 0), 0);
	/* the first one's process does something although the pid is another's by now: the first one stays */
	assert_int_equal(bring_life(rig, &first, 71, 2, 100, 300), 0);
	assert_int_equal(clone.refused, 1);
	assert_int_equal(contradictions(rig), 1);
	assert_int_equal(join_stream(rig, &clone, 72), INGEST_E_REFUSED);
	assert_int_equal(clone.refusal.code, REJECT_IDENTITY);
	assert_non_null(strstr(clone.refusal.reason, "one memory snapshot"));
	/* another one, whose own batch shows it */
	assert_int_equal(join_stream(rig, &clone, 73), 0);
	assert_int_equal(bring_life(rig, &first, 71, 3, 400, 0), 0);
	assert_int_equal(bring_life(rig, &clone, 73, 1, 150, 500), INGEST_E_REFUSED);
	ingest_leave(clone.peer);
	assert_true(contradictions(rig) >= 3);
	assert_int_equal(bring_life(rig, &first, 71, 4, 400, 600), 0);
	ingest_leave(first.peer);
}

static struct ingest_refusal claim(struct rig *rig, struct visitor *visitor, const struct boot_id *boot, uint8_t machine, int expected)
{
	struct hello hello = hello_of(rig, 1);

	*visitor = (struct visitor){0};
	hello.boot = *boot;
	hello.machine_id_known = machine;
	memset(hello.machine_id, machine, sizeof(hello.machine_id));
	assert_int_equal(
	    ingest_join(rig->ingest, &hello, NULL, &events, visitor, NOW, &visitor->peer, &visitor->welcome, &visitor->refusal), expected);
	return visitor->refusal;
}

/* Also after a restart; without certificates nobody can prove anything, and nothing is refused. */
static void a_boot_is_of_the_machine_that_spoke_for_it_first(void **state)
{
	struct rig *rig = *state;
	struct boot_id boot = rig->batches.boot, other_boot = {.octets = {9}};
	struct visitor visitor;
	struct fleet_link link;

	(void)claim(rig, &visitor, &boot, 1, 0);
	ingest_leave(visitor.peer);
	(void)claim(rig, &visitor, &boot, 2, 0); /* a container beside its host, perhaps */
	ingest_leave(visitor.peer);
	for (int i = 0; i < 2; i++) {
		ingest_require_machines(rig->ingest);
		assert_int_equal(claim(rig, &visitor, &boot, 2, INGEST_E_REFUSED).code, REJECT_IDENTITY);
		assert_non_null(strstr(visitor.refusal.reason, "belongs to another machine"));
		(void)claim(rig, &visitor, &boot, 0, INGEST_E_REFUSED);
		(void)claim(rig, &visitor, &boot, 1, 0);
		ingest_leave(visitor.peer);
		ingest_link(rig->ingest, &boot, NOW, &link);
		assert_int_equal(link.refused, 2);
		(void)reopen(rig);
	}
	ingest_require_machines(rig->ingest);
	/* and a batch of it, which a spool may hold from the boot before */
	(void)claim(rig, &visitor, &other_boot, 2, 0);
	assert_int_equal(bring_of(rig, &visitor, 1, 3), INGEST_E_REFUSED);
	assert_int_equal(visitor.refusal.code, REJECT_IDENTITY);
	ingest_leave(visitor.peer);
	(void)claim(rig, &visitor, &other_boot, 1, INGEST_E_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(acks_when_durable_and_not_before),
	    TEST(two_connections_of_one_stream_count_once),
	    TEST(a_duplicate_of_durable_batches_is_acked_at_once),
	    TEST(a_jump_is_a_gap_that_people_see),
	    TEST(a_stream_may_begin_anywhere),
	    TEST(a_boot_is_of_the_machine_that_spoke_for_it_first),
	    TEST(sensors_of_one_kernel_are_one_host),
	    TEST(a_clone_is_noticed_and_kept_apart),
	    TEST(recovery_knows_what_was_taken),
	    TEST(a_host_is_described_once_until_it_changes),
	    TEST(another_batch_under_a_taken_number_is_refused),
	    TEST(likewise_after_a_restart),
	    TEST(numbers_must_grow_and_be_possible),
	    TEST(a_foreign_stream_is_refused),
	    TEST(backlog_of_the_boot_before_comes_first_or_never),
	    TEST(garbage_is_refused_and_harms_nobody),
	    TEST(the_window_is_a_bound),
	    TEST(leaving_with_batches_on_their_way_is_safe),
	    TEST(a_failed_journal_refuses_everybody),
	    TEST(everybody_waits_while_the_disk_is_behind),
	    TEST(the_link_follows_sessions_and_heartbeats),
	    TEST(latency_is_counted_once_a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
