/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at the bounds of the sensors' port, each made small enough to be reached by a few peers. */
#include "proto/stream/tls.h"
#include "tests/unit/authority.h"
#include "tests/unit/collector/listen/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

static void connections_are_bounded(void **state)
{
	static const struct listener_options two = {.connections_max = 100, .per_address_max = 2};
	struct rig *rig = *state;
	struct peer *first, *second, *third;

	listen_with(rig, &two);
	first = peer_join(rig);
	second = peer_join(rig);
	third = peer_open(rig);
	assert_rejected(third, REJECT_LIMIT, "2 connections from this address");
	say_batch(first, 1); /* who is in is served on */
	assert_true(loop_until(&rig->loop, was_acked, first));
	peer_close(second);
	assert_true(loop_until(&rig->loop, one_is_left, rig));
	third = peer_join(rig);
	peer_close(third);
	peer_close(first);
}

static void all_connections_are_bounded(void **state)
{
	static const struct listener_options two = {.connections_max = 2};
	struct rig *rig = *state;
	struct peer *first, *second;

	listen_with(rig, &two);
	first = peer_join(rig);
	second = peer_join(rig);
	assert_rejected(peer_open(rig), REJECT_LIMIT, "2 connections is the limit of this collector");
	peer_close(second);
	assert_true(loop_until(&rig->loop, one_is_left, rig));
	peer_close(peer_join(rig));
	peer_close(first);
}

static bool three_are_there(void *owner)
{
	struct fleet_ingest_stats stats = {0};

	listener_stats(((struct rig *)owner)->listener, &stats);
	return stats.sessions == 3;
}

/* An idle flood takes half of the places, and one; the rest is for those who speak. */
static void those_who_say_nothing_are_bounded(void **state)
{
	static const struct listener_options four = {.connections_max = 4};
	struct rig *rig = *state;
	struct peer *silent[3];

	listen_with(rig, &four);
	for (unsigned i = 0; i < 3; i++)
		silent[i] = peer_open(rig);
	assert_true(loop_until(&rig->loop, three_are_there, rig));
	assert_rejected(peer_open(rig), REJECT_LIMIT, "have not said hello");
	say_hello(silent[0], PROTOCOL_VERSION);
	assert_true(loop_until(&rig->loop, was_welcomed, silent[0]));
	peer_close(peer_join(rig));
	for (unsigned i = 0; i < 3; i++)
		peer_close(silent[i]);
}

/* Telling why costs a place, too. */
static void refusals_are_bounded(void **state)
{
	static const struct listener_options one = {.connections_max = 1, .refusing_max = 1};
	struct rig *rig = *state;
	struct peer *in, *told, *cut;

	listen_with(rig, &one);
	in = peer_join(rig);
	told = peer_open(rig); /* it does not end its side, so that it is being told for a while */
	assert_true(loop_until(&rig->loop, has_ended, told));
	assert_int_equal(told->rejects, 1);
	cut = peer_open(rig);
	assert_true(loop_until(&rig->loop, has_ended, cut));
	assert_int_equal(cut->rejects, 0);
	peer_close(cut);
	assert_rejected(told, REJECT_LIMIT, "1 connections");
	say_batch(in, 1);
	assert_true(loop_until(&rig->loop, was_acked, in));
	peer_close(in);
}

static struct tls_context *make_tls(const struct folder *folder)
{
	char ca[FOLDER_PATH_MAX * 2], cert[FOLDER_PATH_MAX * 2], key[FOLDER_PATH_MAX * 2];
	struct tls_options options = {.side = TLS_SERVER, .ca = ca, .cert = cert, .key = key};
	struct authority authority;
	struct tls_context *context;

	authority_make(&authority, "test authority");
	authority_write(&authority, folder, "ca.pem");
	authority_issue(&authority, folder, "collector", &(struct request_for){"c", "IP:127.0.0.1", "serverAuth", 0, 0, 2});
	authority_finish(&authority);
	folder_file(folder, "ca.pem", ca);
	folder_file(folder, "collector.pem", cert);
	folder_file(folder, "collector.key", key);
	assert_int_equal(tls_context_create(&context, &options, NULL), 0);
	return context;
}

static bool has_passed(void *owner)
{
	const uint64_t *end_ns = owner;

	return uv_hrtime() > *end_ns;
}

static struct peer *silent_peer(struct rig *rig)
{
	struct peer *peer = peer_open(rig);

	peer->raw = true;
	return peer;
}

static bool two_shake_hands(void *owner)
{
	struct fleet_ingest_stats stats = {0};

	listener_stats(((struct rig *)owner)->listener, &stats);
	return stats.securing == 2;
}

static void handshakes_are_bounded(void **state)
{
	struct rig *rig = *state;
	struct tls_context *context = make_tls(&rig->folder);
	struct listener_options two = {.tls = context, .handshakes_max = 2, .silent_ms = 60000};
	struct peer *first, *second, *third;

	listen_with(rig, &two);
	first = silent_peer(rig);
	second = silent_peer(rig);
	assert_true(loop_until(&rig->loop, two_shake_hands, rig));
	third = silent_peer(rig);
	assert_true(loop_until(&rig->loop, has_ended, third));
	assert_false(first->ended || second->ended);
	assert_true(two_shake_hands(rig));
	peer_close(third);
	peer_close(second);
	peer_close(first);
	close_listener(rig);
	tls_context_unref(context);
}

static void handshakes_of_an_address_are_bounded(void **state)
{
	struct rig *rig = *state;
	struct tls_context *context = make_tls(&rig->folder);
	struct listener_options two = {.tls = context, .handshakes_per_address_max = 2};
	struct fleet_ingest_stats stats = {0};
	struct peer *peers[3];

	listen_with(rig, &two);
	peers[0] = silent_peer(rig);
	peers[1] = silent_peer(rig);
	assert_true(loop_until(&rig->loop, two_shake_hands, rig));
	peers[2] = silent_peer(rig);
	assert_true(loop_until(&rig->loop, has_ended, peers[2]));
	assert_false(peers[0]->ended || peers[1]->ended);
	listener_stats(rig->listener, &stats);
	assert_int_equal(stats.rejects_total, 1);
	peer_close(peers[2]);
	peer_close(peers[0]);
	assert_true(loop_until(&rig->loop, one_is_left, rig));
	peers[0] = silent_peer(rig); /* the place is free again */
	assert_true(loop_until(&rig->loop, two_shake_hands, rig));
	assert_false(peers[0]->ended || peers[1]->ended);
	peer_close(peers[1]);
	peer_close(peers[0]);
	close_listener(rig);
	tls_context_unref(context);
}

static void wait_ms(struct rig *rig, unsigned ms)
{
	uint64_t end_ns = uv_hrtime() + ms * 1000000ull;

	assert_true(loop_until(&rig->loop, has_passed, &end_ns));
}

/* Takes the place of one of two, whichever that is. */
static void squeeze_in(struct rig *rig, struct peer *leaves, struct peer *stays)
{
	struct peer *third;

	wait_ms(rig, 100);
	third = silent_peer(rig);
	assert_true(loop_until(&rig->loop, has_ended, leaves));
	assert_true(loop_until(&rig->loop, two_shake_hands, rig));
	assert_false(stays->ended || third->ended);
	peer_close(third);
}

/* The first one says something after the second has come, and not enough for an answer. */
static void who_dribbles_makes_room(void **state)
{
	struct rig *rig = *state;
	struct tls_context *context = make_tls(&rig->folder);
	struct listener_options two = {.tls = context, .handshakes_max = 2, .silent_ms = 20};
	struct peer *first, *second;

	listen_with(rig, &two);
	first = silent_peer(rig);
	second = silent_peer(rig);
	assert_true(loop_until(&rig->loop, two_shake_hands, rig));
	wait_ms(rig, 100);
	say_bytes(first, "\26\3\1", 3); /* a record begins */
	squeeze_in(rig, first, second);
	peer_close(second);
	peer_close(first);
	close_listener(rig);
	tls_context_unref(context);
}

static void say_tls_hello(struct peer *peer)
{
	char ca[FOLDER_PATH_MAX * 2];
	struct tls_context *context;
	struct tls *tls;
	uint8_t *hello;
	size_t len;

	folder_file(&peer->rig->folder, "ca.pem", ca);
	assert_int_equal(tls_context_create(&context, &(struct tls_options){.side = TLS_CLIENT, .ca = ca}, NULL), 0);
	assert_int_equal(tls_create(&tls, context, "127.0.0.1"), 0);
	assert_int_equal(tls_handshake(tls), TLS_E_AGAIN);
	assert_int_equal(tls_take(tls, &hello, &len), 0);
	assert_int_equal(stream_write(peer->stream, hello, len), 0);
	tls_destroy(tls);
	tls_context_unref(context);
}

static bool was_answered(void *owner)
{
	return ((struct peer *)owner)->len > 0;
}

static void who_gets_on_stays(void **state)
{
	struct rig *rig = *state;
	struct tls_context *context = make_tls(&rig->folder);
	struct listener_options two = {.tls = context, .handshakes_max = 2, .silent_ms = 20};
	struct peer *first, *second;

	listen_with(rig, &two);
	first = silent_peer(rig);
	second = silent_peer(rig);
	assert_true(loop_until(&rig->loop, two_shake_hands, rig));
	say_tls_hello(first);
	assert_true(loop_until(&rig->loop, was_answered, first));
	squeeze_in(rig, second, first);
	peer_close(second);
	peer_close(first);
	close_listener(rig);
	tls_context_unref(context);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

/* A frame of message, and behind that of an unknown field with len zeros. */
static uint8_t *make_padded(struct bytes message, uint32_t len, struct compressor *compressor, size_t *ret_len)
{
	uint8_t head[8] = {0x7a}, *at = head + 1, *frame;
	uint8_t *zeros = calloc(1, len);
	struct bytes parts[3] = {message, {(const char *)head, 0}, bytes_make(zeros, len)};

	assert_non_null(zeros);
	for (uint32_t left = len; left > 0; left >>= 7)
		*at++ = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
	parts[1].len = (size_t)(at - head);
	assert_int_equal(frame_encode_with(parts, 3, compressor, &frame, ret_len), 0);
	free(zeros);
	return frame;
}

static void say_padded(struct peer *peer, const void *message, size_t message_len, uint32_t len, bool zstd)
{
	struct compressor *compressor;
	uint8_t *frame;
	size_t frame_len;

	assert_int_equal(compressor_create(&compressor, zstd ? COMPRESSION_ZSTD : COMPRESSION_ZLIB), 0);
	frame = make_padded(bytes_make(message, message_len), len, compressor, &frame_len);
	assert_true(frame_len < SESSION_CONTROL_BYTES_MAX); /* on the wire it is small */
	assert_int_equal(stream_write(peer->stream, frame, frame_len), 0);
	compressor_destroy(compressor);
}

static void only_batches_may_inflate_to_much(void **state)
{
	static const uint8_t heartbeat[] = {0x1a, 0}, goodbye[] = {0x22, 0};
	const uint32_t over = SESSION_CONTROL_BYTES_MAX;
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &plain);
	for (int zstd = 0; zstd < 2; zstd++) {
		peer = peer_open(rig);
		say_padded(peer, NULL, 0, over, zstd); /* whatever message it is */
		assert_rejected(peer, REJECT_BAD_FRAME, "65536 bytes after inflating");
		peer = peer_join(rig);
		say_padded(peer, heartbeat, sizeof(heartbeat), over, zstd);
		assert_rejected(peer, REJECT_BAD_MESSAGE, "longer than any but a Batch");
		peer = peer_join(rig);
		say_padded(peer, goodbye, sizeof(goodbye), over, zstd);
		assert_rejected(peer, REJECT_BAD_MESSAGE, "longer than any but a Batch");
		peer = peer_join(rig);
		say_padded(peer, NULL, 0, over, zstd);
		assert_rejected(peer, REJECT_BAD_MESSAGE, "longer than any but a Batch");
	}
	peer = peer_join(rig);
	say_padded(peer, heartbeat, sizeof(heartbeat), over - 100, false); /* a newer sensor may tell more */
	say_batch(peer, 1);
	assert_true(loop_until(&rig->loop, was_acked, peer));
	peer_close(peer);
}

struct received {
	struct rig *rig;
	uint64_t bytes;
};

static bool has_received(void *owner)
{
	const struct received *received = owner;
	struct fleet_ingest_stats stats = {0};

	listener_stats(received->rig->listener, &stats);
	return stats.bytes_received >= received->bytes;
}

/* Says the first len bytes of a frame of 4,000,000, and waits until they are there. */
static void say_half(struct peer *peer, size_t len)
{
	struct fleet_ingest_stats stats = {0};
	struct received received = {.rig = peer->rig};
	uint8_t *half = calloc(1, len);

	assert_non_null(half);
	half[2] = 0x3d;
	half[3] = 0x09;
	listener_stats(peer->rig->listener, &stats);
	received.bytes = stats.bytes_received + len;
	say_bytes(peer, half, len);
	free(half);
	assert_true(loop_until(&peer->rig->loop, has_received, &received));
}

static struct peer *peer_with_half(struct rig *rig, size_t len)
{
	struct peer *peer = peer_join(rig);

	say_half(peer, len);
	return peer;
}

static bool was_rejected(void *owner)
{
	return ((struct peer *)owner)->rejects > 0;
}

/* Memory runs out while an honest sensor is served, by the frame of another one that does not get on. */
static void who_uses_memory_up_is_refused(void **state)
{
	static const struct listener_options narrow = {.memory_max = (1 << 20) + (64 << 10)};
	struct message message = {.type = MESSAGE_BATCH};
	struct rig *rig = *state;
	struct peer *greedy, *honest;
	const uint8_t *data;
	uint8_t *batch, *frame;
	size_t len;

	listen_with(rig, &narrow);
	honest = peer_join(rig);
	greedy = peer_with_half(rig, 700000);
	data = batches_make(&rig->batches, 1, 20, 1000, &len);
	assert_non_null(data);
	message.batch = bytes_make(data, len);
	assert_int_equal(message_encode(&message, false, &batch, &len), 0);
	frame = make_padded(bytes_make(batch + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES), 200000, NULL, &len);
	free(batch);
	say_bytes(honest, frame, 150000);
	assert_true(loop_until(&rig->loop, was_rejected, greedy));
	assert_int_equal(honest->rejects, 0);
	say_bytes(honest, frame + 150000, len - 150000);
	free(frame);
	assert_true(loop_until(&rig->loop, was_acked, honest));
	assert_rejected(greedy, REJECT_UNAVAILABLE, "takes more of them than others");
	peer_close(honest);
}

/* Where all hold little, the one goes that has been silent for longest. */
static void silence_weighs_where_nobody_holds_much(void **state)
{
	static const struct listener_options narrow = {.memory_max = 40 << 10};
	struct rig *rig = *state;
	struct peer *peers[3];

	listen_with(rig, &narrow);
	for (unsigned i = 0; i < 3; i++) {
		peers[i] = peer_with_half(rig, 10);
		wait_ms(rig, 20); /* so that their silences differ */
	}
	assert_rejected(peers[0], REJECT_UNAVAILABLE, "used up");
	assert_int_equal(peers[1]->rejects + peers[2]->rejects, 0);
	peer_close(peers[1]);
	peer_close(peers[2]);
}

/* Returns once the listener has looked around: then it lets go of those who say nothing. */
static void wait_for_tick(struct rig *rig)
{
	assert_rejected(peer_open(rig), REJECT_LIMIT, "no Hello came");
}

static void few_who_hold_much_pace_nobody(void **state)
{
	static const struct listener_options narrow = {.memory_max = (2 << 20) + (256 << 10), .hello_ms = 1000};
	struct rig *rig = *state;
	struct peer *honest, *greedy;

	listen_with(rig, &narrow);
	honest = peer_join(rig);
	greedy = peer_with_half(rig, 1500000); /* 2 MiB, more than three quarters */
	wait_for_tick(rig);
	assert_int_equal(greedy->rejects, 0);
	assert_int_equal(honest->paces + greedy->paces, 0);
	peer_close(greedy);
	peer_close(honest);
}

static bool was_paced(void *owner)
{
	return ((struct peer *)owner)->paces > 0;
}

static void many_who_hold_little_are_paced(void **state)
{
	static const struct listener_options narrow = {.memory_max = 64 << 10, .hello_ms = 1000};
	struct rig *rig = *state;
	struct peer *peers[3];

	listen_with(rig, &narrow);
	for (unsigned i = 0; i < 3; i++)
		peers[i] = peer_with_half(rig, 10);
	for (unsigned i = 0; i < 3; i++)
		assert_true(loop_until(&rig->loop, was_paced, peers[i]));
	for (unsigned i = 0; i < 3; i++)
		peer_close(peers[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(connections_are_bounded),
	    TEST(all_connections_are_bounded),
	    TEST(those_who_say_nothing_are_bounded),
	    TEST(refusals_are_bounded),
	    TEST(handshakes_are_bounded),
	    TEST(handshakes_of_an_address_are_bounded),
	    TEST(who_dribbles_makes_room),
	    TEST(who_gets_on_stays),
	    TEST(only_batches_may_inflate_to_much),
	    TEST(who_uses_memory_up_is_refused),
	    TEST(silence_weighs_where_nobody_holds_much),
	    TEST(few_who_hold_much_pace_nobody),
	    TEST(many_who_hold_little_are_paced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
