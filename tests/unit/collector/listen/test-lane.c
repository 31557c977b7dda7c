/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that become long, beside one that does not: it comes first, they come in the end, and nothing is left of those who go meanwhile. */
#include <zlib.h>

#include "tests/unit/collector/listen/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define BOMBERS 8
#define BOMB_BYTES (8u << 20) /* inflated: twice what is taken, and many slices */
#define CRUMBS 100 /* some hundred bytes each on the wire: one read brings all of them */
#define LONG_EXECS 20u
#define ARGV_BYTES 30000u

static void say_compressed(struct peer *peer, const void *data, size_t data_len)
{
	static uint8_t frame[FRAME_HEADER_BYTES + 65536] = {1};
	uLongf len = sizeof(frame) - FRAME_HEADER_BYTES;

	assert_int_equal(compress2(frame + FRAME_HEADER_BYTES, &len, data, data_len, 9), Z_OK);
	frame[3] = (uint8_t)(len >> 8);
	frame[4] = (uint8_t)len;
	say_bytes(peer, frame, FRAME_HEADER_BYTES + len);
}

static void say_bomb(struct peer *peer)
{
	static uint8_t zeros[BOMB_BYTES];

	say_compressed(peer, zeros, sizeof(zeros));
}

/* Messages of a newer protocol, which are skipped, each as long as any but a Batch may be. */
static void say_crumbs(struct peer *peer)
{
	static const uint8_t head[] = {15 << 3 | 2, 0xf0, 0xff, 0x03}; /* field 15, of 65,520 bytes */
	static uint8_t crumb[sizeof(head) + 65520];

	memcpy(crumb, head, sizeof(head));
	for (unsigned i = 0; i < CRUMBS; i++)
		say_compressed(peer, crumb, sizeof(crumb));
}

/* Of execs with an argument list of their own each. Returns its bytes before they are compressed. */
static size_t say_long_batch(struct peer *peer, uint64_t seq)
{
	static const struct fact_context context = {.loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN};
	struct batch_id id = {.boot = peer->rig->batches.boot, .stream = peer->rig->batches.stream, .seq = seq};
	struct message message = {.type = MESSAGE_BATCH};
	static char argv[ARGV_BYTES];
	const uint8_t *data;
	size_t len;

	for (uint32_t i = 0; i < LONG_EXECS; i++) {
		uint64_t now_ns = seq * 1000000 + i;
		struct fact fact = {.type = FACT_EXEC, .flags = FACT_ARGV_KNOWN, .time_ns = now_ns, .self = {now_ns, 1000 + i}, .tid = 1000 + i,
				    .exec_seq = 1, .comm = BYTES_LITERAL("sh"), .context = &context, .argv = bytes_make(argv, sizeof(argv)),
				    .argv_bytes = sizeof(argv)};

		memset(argv, (int)('a' + i), sizeof(argv) - 1);
		assert_int_equal(batch_encoder_add(peer->rig->batches.encoder, &fact), 0);
	}
	assert_int_equal(batch_encoder_finish(peer->rig->batches.encoder, &id, 0, &data, &len), 0);
	message.batch = bytes_make(data, len);
	say(peer, &message);
	return len;
}

static void stats_of(struct rig *rig, struct fleet_ingest_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	listener_stats(rig->listener, stats);
	ingest_stats(rig->ingest, stats);
}

static bool a_batch_was_taken(void *owner)
{
	struct fleet_ingest_stats stats;

	stats_of(owner, &stats);
	return stats.batches_new > 0;
}

/* All of it stands in the sockets before the loop turns: the bombs first. */
static void a_short_message_comes_before_long_ones(void **state)
{
	struct rig *rig = *state;
	struct peer *bombers[BOMBERS], *honest;
	struct fleet_ingest_stats stats;

	listen_with(rig, &plain);
	for (unsigned i = 0; i < BOMBERS; i++)
		bombers[i] = peer_join(rig);
	honest = peer_join(rig);
	for (unsigned i = 0; i < BOMBERS; i++)
		say_bomb(bombers[i]);
	say_batch(honest, 1);
	assert_true(loop_until(&rig->loop, a_batch_was_taken, rig));
	stats_of(rig, &stats);
	assert_int_equal(stats.rejects_total, 0);
	assert_true(loop_until(&rig->loop, was_acked, honest));
	for (unsigned i = 0; i < BOMBERS; i++)
		assert_rejected(bombers[i], REJECT_BAD_FRAME, "after inflating");
	peer_close(honest);
}

/* Many messages that become less than a slice each, and much together. */
static void a_short_message_comes_before_many_that_inflate(void **state)
{
	struct rig *rig = *state;
	struct peer *many, *honest;
	struct fleet_ingest_stats stats;

	listen_with(rig, &plain);
	many = peer_join(rig);
	honest = peer_join(rig);
	say_crumbs(many);
	say_hello(many, PROTOCOL_VERSION); /* ends the session */
	say_batch(honest, 1);
	assert_true(loop_until(&rig->loop, a_batch_was_taken, rig));
	stats_of(rig, &stats);
	assert_int_equal(stats.rejects_total, 0);
	assert_true(loop_until(&rig->loop, was_acked, honest));
	assert_rejected(many, REJECT_BAD_ORDER, "a second Hello");
	peer_close(honest);
}

static bool two_were_acked(void *owner)
{
	return ((struct peer *)owner)->acked >= 2;
}

static void long_messages_come_whole_and_in_order(void **state)
{
	struct rig *rig = *state;
	struct fleet_ingest_stats stats;
	struct peer *peer, *bomber;

	listen_with(rig, &plain);
	bomber = peer_join(rig);
	peer = peer_join(rig);
	say_bomb(bomber);
	assert_true(say_long_batch(peer, 1) > 2 * LANE_SLICE_BYTES);
	(void)say_long_batch(peer, 2);
	assert_true(loop_until(&rig->loop, two_were_acked, peer));
	stats_of(rig, &stats);
	assert_int_equal(stats.facts_new[FACT_EXEC], 2 * LONG_EXECS);
	assert_rejected(bomber, REJECT_BAD_FRAME, "after inflating");
	peer_close(peer);
}

/* Each has more to be served behind its long message, so that it waits again when that is done. Together their messages are more than twice the
 * memory that there is; one at a time it is enough. */
static void who_waits_again_holds_nothing_of_its_last_message(void **state)
{
	static const struct listener_options scarce = {.memory_max = 2u << 20};
	struct rig *rig = *state;
	struct peer *peers[BOMBERS];
	struct fleet_ingest_stats stats;

	listen_with(rig, &scarce);
	for (unsigned i = 0; i < BOMBERS; i++)
		peers[i] = peer_join(rig);
	for (unsigned i = 0; i < BOMBERS; i++) {
		assert_true(say_long_batch(peers[i], 1) * BOMBERS > 2 * scarce.memory_max);
		say_crumbs(peers[i]);
	}
	for (unsigned i = 0; i < BOMBERS; i++)
		assert_true(loop_until(&rig->loop, was_acked, peers[i]));
	stats_of(rig, &stats);
	assert_int_equal(stats.rejects_total, 0);
	for (unsigned i = 0; i < BOMBERS; i++)
		peer_close(peers[i]);
}

static bool nobody_is_left(void *owner)
{
	struct fleet_ingest_stats stats = {0};

	listener_stats(((struct rig *)owner)->listener, &stats);
	return stats.sessions == 0;
}

static void who_goes_while_it_waits_holds_up_nobody(void **state)
{
	struct rig *rig = *state;
	struct peer *bombers[BOMBERS], *honest;

	listen_with(rig, &plain);
	for (unsigned i = 0; i < BOMBERS; i++)
		bombers[i] = peer_join(rig);
	for (unsigned i = 0; i < BOMBERS; i++)
		say_bomb(bombers[i]);
	for (unsigned i = 0; i < BOMBERS; i++)
		peer_close(bombers[i]);
	honest = peer_join(rig);
	(void)say_long_batch(honest, 1);
	assert_true(loop_until(&rig->loop, was_acked, honest));
	peer_close(honest);
	assert_true(loop_until(&rig->loop, nobody_is_left, rig));
}

/* The listener is closed while they wait; told why they are, as everybody. */
static void the_end_comes_while_they_wait(void **state)
{
	struct rig *rig = *state;
	struct peer *bombers[2];

	listen_with(rig, &plain);
	for (unsigned i = 0; i < 2; i++)
		bombers[i] = peer_join(rig);
	for (unsigned i = 0; i < 2; i++)
		say_bomb(bombers[i]);
	for (unsigned i = 0; i < 4; i++)
		(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	close_listener(rig);
	for (unsigned i = 0; i < 2; i++)
		assert_rejected(bombers[i], REJECT_UNAVAILABLE, "shutting down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_short_message_comes_before_long_ones),
	    TEST(a_short_message_comes_before_many_that_inflate),
	    TEST(long_messages_come_whole_and_in_order),
	    TEST(who_waits_again_holds_nothing_of_its_last_message),
	    TEST(who_goes_while_it_waits_holds_up_nobody),
	    TEST(the_end_comes_while_they_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
