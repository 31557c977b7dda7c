/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as peers meet them: a real listener on loopback, real forest and journal behind it, peers that speak through
 * real sockets in the same loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/listen/listener.h"
#include "collector/listen/session.h"
#include "proto/stream/stream.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define INPUT_MAX 65536u

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct listener *listener;
	struct address address;
	struct batches batches;
	bool closed;
};

/* The other end. */
struct peer {
	struct rig *rig;
	struct stream *stream;
	uint8_t input[INPUT_MAX];
	size_t len;
	bool connected, ended, closed;
	struct frame_reader reader;
	struct arena arena;
	unsigned welcomes, acks, rejects;
	uint64_t acked;
	struct welcome welcome;
	enum reject_code code;
	char reason[512];
	bool raw; /* what comes is not taken for frames */
};

static void on_connected(void *owner)
{
	((struct peer *)owner)->connected = true;
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	struct peer *peer = owner;

	if (!peer->raw)
		return frame_reader_space(&peer->reader, ret_at, ret_len);
	*ret_at = peer->input + peer->len;
	*ret_len = INPUT_MAX - peer->len - 1;
	return 0;
}

static void take(struct peer *peer, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_WELCOME:
		peer->welcomes++;
		peer->welcome = message->welcome;
		break;
	case MESSAGE_ACK:
		peer->acks++;
		peer->acked = message->ack.seq;
		break;
	case MESSAGE_REJECT:
		peer->rejects++;
		peer->code = message->reject.code;
		(void)snprintf(peer->reason, sizeof(peer->reason), "%.*s", (int)message->reject.reason.len,
			       message->reject.reason.data);
		break;
	default:
		fail_msg("message of type %d", (int)message->type);
	}
}

static void on_filled(void *owner, size_t len)
{
	struct peer *peer = owner;
	struct message message;
	const uint8_t *data;
	size_t size;

	peer->len += len;
	if (peer->raw)
		return;
	frame_reader_filled(&peer->reader, len);
	while (frame_reader_next(&peer->reader, &data, &size) == 0) {
		assert_int_equal(message_decode_collector(&peer->arena, data, size, &message, NULL), 0);
		take(peer, &message);
	}
}

static void on_ended(void *owner, int error)
{
	struct peer *peer = owner;

	(void)error;
	peer->ended = true;
}

static void on_peer_closed(void *owner)
{
	((struct peer *)owner)->closed = true;
}

static const struct stream_events events = {on_connected, on_space, on_filled, NULL, on_ended};

static void listen_with(struct rig *rig, const struct listener_options *given)
{
	struct listener_options options = *given;
	char text[ADDRESS_TEXT_MAX];

	assert_int_equal(address_parse("127.0.0.1:0", &options.address, NULL), 0);
	options.ingest = rig->ingest;
	options.http = "127.0.0.1:7070";
	assert_int_equal(listener_create(&rig->listener, &rig->loop, &options, NULL), 0);
	listener_address(rig->listener, text);
	assert_int_equal(address_parse(text, &rig->address, NULL), 0);
}

static void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static void close_listener(struct rig *rig)
{
	rig->closed = false;
	listener_close(rig->listener, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	rig->listener = NULL;
}

static int setup(void **state)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct rig *rig = calloc(1, sizeof(*rig));
	struct journal_options journal = {0};
	struct seglog_recovery recovery;

	*state = rig;
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0 ||
	    batches_init(&rig->batches, 1, 77) != 0)
		return -1;
	journal.dir = rig->folder.path;
	if (forest_create(&rig->forest, &forest) != 0 ||
	    journal_open(&rig->journal, &rig->loop, &journal, &recovery, NULL) != 0)
		return -1;
	return ingest_create(&rig->ingest, rig->forest, rig->journal);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->listener)
		close_listener(rig);
	ingest_destroy(rig->ingest);
	rig->closed = false;
	journal_close(rig->journal, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	forest_destroy(rig->forest);
	batches_finish(&rig->batches);
	folder_remove(&rig->folder);
	if (!loop_finish(&rig->loop))
		return -1;
	free(rig);
	return 0;
}

static bool is_connected(void *owner)
{
	return ((struct peer *)owner)->connected;
}

static struct peer *peer_open(struct rig *rig)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	assert_non_null(peer);
	peer->rig = rig;
	frame_reader_init(&peer->reader, INPUT_MAX);
	assert_int_equal(stream_create(&peer->stream, &rig->loop, &events, peer), 0);
	assert_int_equal(stream_connect(peer->stream, "127.0.0.1", rig->address.port), 0);
	assert_true(loop_until(&rig->loop, is_connected, peer));
	assert_int_equal(stream_read_start(peer->stream), 0);
	return peer;
}

static bool is_peer_closed(void *owner)
{
	return ((struct peer *)owner)->closed;
}

static void peer_close(struct peer *peer)
{
	stream_close(peer->stream, on_peer_closed);
	assert_true(loop_until(&peer->rig->loop, is_peer_closed, peer));
	frame_reader_finish(&peer->reader);
	arena_finish(&peer->arena);
	free(peer);
}

static void say_bytes(struct peer *peer, const void *data, size_t len)
{
	uint8_t *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, data, len);
	assert_int_equal(stream_write(peer->stream, copy, len), 0);
}

static void say(struct peer *peer, const struct message *message)
{
	uint8_t *frame;
	size_t len;

	assert_int_equal(message_encode(message, true, &frame, &len), 0);
	assert_int_equal(stream_write(peer->stream, frame, len), 0);
}

static void say_hello(struct peer *peer, uint32_t version)
{
	struct message message = {.type = MESSAGE_HELLO};

	message.hello = (struct hello){.protocol_version = version,
				       .boot = peer->rig->batches.boot,
				       .hostname = BYTES_LITERAL("web-1"),
				       .stream = peer->rig->batches.stream,
				       .first_unacked_seq = 1};
	say(peer, &message);
}

static void say_batch(struct peer *peer, uint64_t seq)
{
	struct message message = {.type = MESSAGE_BATCH};
	size_t len;
	const uint8_t *data = batches_make(&peer->rig->batches, seq, 20, seq * 1000, &len);

	assert_non_null(data);
	message.batch = bytes_make(data, len);
	say(peer, &message);
}

static bool was_welcomed(void *owner)
{
	return ((struct peer *)owner)->welcomes > 0;
}

static bool has_ended(void *owner)
{
	return ((struct peer *)owner)->ended;
}

static bool was_acked(void *owner)
{
	return ((struct peer *)owner)->acks > 0;
}

static struct peer *peer_join(struct rig *rig)
{
	struct peer *peer = peer_open(rig);

	say_hello(peer, PROTOCOL_VERSION);
	assert_true(loop_until(&rig->loop, was_welcomed, peer));
	return peer;
}

/* The peer was told why and then cut off. */
static void assert_rejected(struct peer *peer, enum reject_code code, const char *part)
{
	assert_true(loop_until(&peer->rig->loop, has_ended, peer));
	assert_int_equal(peer->rejects, 1);
	assert_int_equal(peer->code, code);
	if (!strstr(peer->reason, part))
		fail_msg("'%s' does not say '%s'", peer->reason, part);
	peer_close(peer);
}

static const struct listener_options plain = {0};

static void a_sensor_is_served(void **state)
{
	struct rig *rig = *state;
	struct heartbeat heartbeat = {.boottime_ns = 1, .rss_bytes = 99};
	struct message message = {.type = MESSAGE_HEARTBEAT, .heartbeat = heartbeat};
	struct fleet_ingest_stats stats = {0};
	struct fleet_link link;
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_join(rig);
	assert_int_equal(peer->welcome.protocol_version, PROTOCOL_VERSION);
	assert_int_equal(peer->welcome.resume_seq, 1);
	assert_int_equal(peer->welcome.max_frame_bytes, FRAME_BYTES_MAX);
	say(peer, &message);
	say_batch(peer, 1);
	assert_true(loop_until(&rig->loop, was_acked, peer));
	assert_int_equal(peer->acked, 1);
	ingest_link(rig->ingest, &rig->batches.boot, 0, &link);
	assert_int_equal(link.heartbeat.rss_bytes, 99);
	listener_stats(rig->listener, &stats);
	assert_int_equal(stats.sessions, 1);
	assert_int_equal(stats.sessions_total, 1);
	assert_true(stats.bytes_received > 0);
	peer_close(peer);
}

static void a_newer_sensor_is_served_at_our_version(void **state)
{
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_open(rig);
	say_hello(peer, PROTOCOL_VERSION + 7);
	assert_true(loop_until(&rig->loop, was_welcomed, peer));
	assert_int_equal(peer->welcome.protocol_version, PROTOCOL_VERSION);
	peer_close(peer);
}

static void a_sensor_that_is_too_old_is_told_so(void **state)
{
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_open(rig);
	say_hello(peer, PROTOCOL_VERSION_MIN - 1);
	assert_rejected(peer, REJECT_PROTOCOL_VERSION, "upgrade the sensor");
}

static void order_is_kept(void **state)
{
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_open(rig);
	say_batch(peer, 1);
	assert_rejected(peer, REJECT_BAD_ORDER, "first message must be a Hello");
	peer = peer_join(rig);
	say_hello(peer, PROTOCOL_VERSION);
	assert_rejected(peer, REJECT_BAD_ORDER, "second Hello");
}

static void what_is_no_frame_is_told_so(void **state)
{
	static const uint8_t flags[] = {0x80, 0, 0, 0, 1};
	static const uint8_t long_frame[] = {0, 0x7f, 0xff, 0xff, 0xff, 1};
	static const uint8_t no_zlib[] = {1, 0, 0, 0, 4, 'b', 'o', 'o', 'm'};
	static const uint8_t no_message[] = {0, 0, 0, 0, 3, 0x0a, 0x7f, 0x01};
	struct rig *rig = *state;
	struct fleet_ingest_stats stats = {0};
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_open(rig);
	say_bytes(peer, long_frame, sizeof(long_frame));
	assert_rejected(peer, REJECT_BAD_FRAME, "over the bound of 65536 bytes");
	peer = peer_join(rig);
	say_bytes(peer, long_frame, sizeof(long_frame));
	assert_rejected(peer, REJECT_BAD_FRAME, "over the bound of 4194304 bytes");
	peer = peer_open(rig);
	say_bytes(peer, no_zlib, sizeof(no_zlib));
	assert_rejected(peer, REJECT_BAD_FRAME, "broken compression");
	peer = peer_open(rig);
	say_bytes(peer, no_message, sizeof(no_message));
	assert_rejected(peer, REJECT_BAD_MESSAGE, "bad message");
	peer = peer_join(rig);
	say_bytes(peer, flags, sizeof(flags));
	assert_rejected(peer, REJECT_BAD_FRAME, "no frame");
	listener_stats(rig->listener, &stats);
	assert_int_equal(stats.frames_bad, 5);
	assert_int_equal(stats.rejects_total, 5);
}

static void browsers_and_scanners_get_an_answer(void **state)
{
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_open(rig);
	peer->raw = true;
	say_bytes(peer, "G", 1);
	say_bytes(peer, "ET / HTTP/1.1\r\nHost: x\r\n\r\n", 26);
	assert_true(loop_until(&rig->loop, has_ended, peer));
	assert_non_null(strstr((const char *)peer->input, "HTTP/1.1 421 "));
	assert_non_null(strstr((const char *)peer->input, "http://127.0.0.1:7070/"));
	peer_close(peer);
	peer = peer_open(rig);
	say_bytes(peer, "\x16\x03\x01\x00\xff", 5);
	assert_rejected(peer, REJECT_BAD_FRAME, "without TLS");
	peer = peer_open(rig);
	say_bytes(peer, "SSH-2.0-scan\r\n", 14);
	assert_rejected(peer, REJECT_BAD_FRAME, "not their protocol");
}

static void a_refused_peer_that_goes_on_sending_still_learns_why(void **state)
{
	struct rig *rig = *state;
	uint8_t *bulk = calloc(1, 1 << 20);
	struct peer *peer;

	assert_non_null(bulk);
	memset(bulk, 'x', 1 << 20);
	listen_with(rig, &plain);
	peer = peer_open(rig);
	say_bytes(peer, bulk, 1 << 20);
	free(bulk);
	assert_rejected(peer, REJECT_BAD_FRAME, "not their protocol");
}

static void silence_ends_a_session(void **state)
{
	static const struct listener_options hasty = {.hello_ms = 1, .idle_ms = 1, .linger_ms = 1};
	struct rig *rig = *state;
	struct peer *silent, *idle;

	listen_with(rig, &hasty);
	silent = peer_open(rig);
	assert_rejected(silent, REJECT_LIMIT, "no Hello came");
	idle = peer_join(rig);
	assert_rejected(idle, REJECT_LIMIT, "no whole message came");
}

static bool one_is_left(void *owner)
{
	struct fleet_ingest_stats stats = {0};

	listener_stats(((struct rig *)owner)->listener, &stats);
	return stats.sessions == 1;
}

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

static void closing_tells_everybody(void **state)
{
	struct rig *rig = *state;
	struct peer *greeted, *fresh;

	listen_with(rig, &plain);
	greeted = peer_join(rig);
	fresh = peer_open(rig);
	say_batch(greeted, 1);
	assert_true(loop_until(&rig->loop, was_acked, greeted)); /* and the listener has accepted both */
	rig->closed = false;
	listener_close(rig->listener, on_closed, rig);
	rig->listener = NULL;
	assert_rejected(greeted, REJECT_UNAVAILABLE, "shutting down");
	assert_rejected(fresh, REJECT_UNAVAILABLE, "shutting down");
	assert_true(loop_until(&rig->loop, is_closed, rig));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_sensor_is_served),
	    TEST(a_newer_sensor_is_served_at_our_version),
	    TEST(a_sensor_that_is_too_old_is_told_so),
	    TEST(order_is_kept),
	    TEST(what_is_no_frame_is_told_so),
	    TEST(browsers_and_scanners_get_an_answer),
	    TEST(a_refused_peer_that_goes_on_sending_still_learns_why),
	    TEST(silence_ends_a_session),
	    TEST(connections_are_bounded),
	    TEST(closing_tells_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
