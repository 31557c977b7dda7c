/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as peers meet them. */
#include "tests/unit/collector/listen/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

/* ---- want of memory ------------------------------------------------------------------------------------------ */

static unsigned unsaid; /* so many Acks are still to find no memory */

int __real_message_encode(const struct message *message, bool compress, uint8_t **ret_frame, size_t *ret_len);
int __wrap_message_encode(const struct message *message, bool compress, uint8_t **ret_frame, size_t *ret_len);

int __wrap_message_encode(const struct message *message, bool compress, uint8_t **ret_frame, size_t *ret_len)
{
	if (message->type != MESSAGE_ACK || unsaid == 0)
		return __real_message_encode(message, compress, ret_frame, ret_len);
	unsaid--;
	return -ENOMEM;
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

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

/* A machine that was suspended wakes to timers that are all due. What its peers said meanwhile waits in its sockets. */
static void a_loop_that_did_not_run_blames_nobody(void **state)
{
	static const struct listener_options strict = {.hello_ms = 1800, .idle_ms = 1800};
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &strict);
	peer = peer_join(rig);
	say_batch(peer, 1);
	uv_sleep(3000);
	assert_true(loop_until(&rig->loop, was_acked, peer));
	peer_close(peer);
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

/* Its sensor may have nothing more to say, so that no other message brings the Ack along. */
static void an_ack_without_memory_comes_by_itself(void **state)
{
	struct rig *rig = *state;
	struct peer *peer;

	listen_with(rig, &plain);
	peer = peer_join(rig);
	unsaid = 1;
	say_batch(peer, 1);
	assert_true(loop_until(&rig->loop, was_acked, peer));
	assert_int_equal(unsaid, 0);
	assert_int_equal(peer->acked, 1);
	assert_int_equal(peer->acks, 1);
	peer_close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_sensor_is_served),
	    TEST(a_newer_sensor_is_served_at_our_version),
	    TEST(a_sensor_that_is_too_old_is_told_so),
	    TEST(order_is_kept),
	    TEST(what_is_no_frame_is_told_so),
	    TEST(browsers_and_scanners_get_an_answer),
	    TEST(an_ack_without_memory_comes_by_itself),
	    TEST(a_refused_peer_that_goes_on_sending_still_learns_why),
	    TEST(silence_ends_a_session),
	    TEST(a_loop_that_did_not_run_blames_nobody),
	    TEST(closing_tells_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
