/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink against a collector that does what a test tells it, over real sockets in the same loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "proto/stream/acceptor.h"
#include "proto/stream/stream.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "sensor/uplink/uplink.h"
#include "tests/unit/loop.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define SEQS_MAX 1000u

struct rig {
	uv_loop_t loop;
	/* The spool: batches first..next - 1, each BATCH n bytes long. */
	uint64_t first, next, hole_from, hole_to;
	size_t batch_bytes;
	uint64_t resync_seq; /* as last asked for */
	bool renews;
	/* The collector. */
	struct acceptor *acceptor;
	struct address address;
	struct stream *stream; /* of the newest connection */
	struct frame_reader reader;
	struct arena arena;
	unsigned questions; /* connections to a better collector */
	unsigned connections, hellos, heartbeats, goodbyes;
	struct hello hello;
	struct heartbeat heartbeat;
	uint64_t seqs[SEQS_MAX]; /* batches as they came, over all connections */
	size_t seq_count;
	bool ended, closed;
	/* What it does by itself. */
	bool mute, acking;
	struct welcome welcome;
	struct uplink *uplink;
	bool stopped;
};

/* ---- the spool ----------------------------------------------------------------------------------------------- */

static uint64_t first_unacked(void *owner)
{
	return ((struct rig *)owner)->first;
}

static uint64_t next_seq(void *owner)
{
	return ((struct rig *)owner)->next;
}

static int read_batch(void *owner, uint64_t seq, struct bytes *ret, uint64_t *ret_seq)
{
	static uint8_t data[1 << 20];
	struct rig *rig = owner;

	if (seq < rig->first)
		seq = rig->first;
	if (seq >= rig->hole_from && seq < rig->hole_to)
		seq = rig->hole_to;
	if (seq >= rig->next)
		return UPLINK_E_END;
	memset(data, 'b', rig->batch_bytes);
	memcpy(data, &seq, sizeof(seq));
	*ret = bytes_make(data, rig->batch_bytes);
	*ret_seq = seq;
	return 0;
}

static void ack(void *owner, uint64_t seq)
{
	struct rig *rig = owner;

	assert_true(seq < rig->next);
	if (seq + 1 > rig->first)
		rig->first = seq + 1;
}

static void resync(void *owner, uint64_t resume_seq)
{
	((struct rig *)owner)->resync_seq = resume_seq;
}

static uint64_t renew(void *owner)
{
	struct rig *rig = owner;

	if (!rig->renews)
		return 0;
	rig->next -= rig->first - 1; /* as many as before */
	rig->first = 1;
	rig->welcome.resume_seq = 0;
	return 78;
}

static void fill_heartbeat(void *owner, struct heartbeat *ret)
{
	struct rig *rig = owner;

	ret->boottime_ns = 4711;
	ret->queue_batches = rig->next - rig->first;
}

/* ---- the collector ------------------------------------------------------------------------------------------- */

static void say(struct rig *rig, const struct message *message)
{
	uint8_t *frame;
	size_t len;

	assert_int_equal(message_encode(message, false, &frame, &len), 0);
	assert_int_equal(stream_write(rig->stream, frame, len), 0);
}

static void say_ack(struct rig *rig, uint64_t seq)
{
	struct message message = {.type = MESSAGE_ACK, .ack = {seq}};

	say(rig, &message);
}

static void take_hello(struct rig *rig, const struct hello *hello)
{
	struct message message = {.type = MESSAGE_WELCOME, .welcome = rig->welcome};

	rig->hellos++;
	rig->hello = *hello;
	if (message.welcome.resume_seq == 0)
		message.welcome.resume_seq = hello->first_unacked_seq;
	if (!rig->mute)
		say(rig, &message);
}

static void take_batch(struct rig *rig, struct bytes batch)
{
	uint64_t seq;

	assert_int_equal(batch.len, rig->batch_bytes);
	memcpy(&seq, batch.data, sizeof(seq));
	assert_true(rig->seq_count < SEQS_MAX);
	rig->seqs[rig->seq_count++] = seq;
	if (rig->acking)
		say_ack(rig, seq);
}

static void take(struct rig *rig, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_HELLO:
		take_hello(rig, &message->hello);
		break;
	case MESSAGE_BATCH:
		take_batch(rig, message->batch);
		break;
	case MESSAGE_HEARTBEAT:
		rig->heartbeats++;
		rig->heartbeat = message->heartbeat;
		break;
	case MESSAGE_GOODBYE:
		rig->goodbyes++;
		break;
	default:
		fail_msg("message of type %d", (int)message->type);
	}
}

static void on_connected(void *owner)
{
	(void)owner;
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	return frame_reader_space(&((struct rig *)owner)->reader, ret_at, ret_len);
}

static void on_filled(void *owner, size_t len)
{
	struct rig *rig = owner;
	struct message message;
	const uint8_t *data;
	size_t size;

	frame_reader_filled(&rig->reader, len);
	while (rig->stream && frame_reader_next(&rig->reader, &data, &size) == 0) {
		arena_reset(&rig->arena);
		assert_int_equal(message_decode_sensor(&rig->arena, data, size, &message, NULL), 0);
		take(rig, &message);
	}
}

static void on_stream_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static void hang_up(struct rig *rig)
{
	stream_close(rig->stream, on_stream_closed);
	rig->stream = NULL;
}

static void on_ended(void *owner, int error)
{
	struct rig *rig = owner;

	(void)error;
	rig->ended = true;
	hang_up(rig);
}

static const struct stream_events events = {on_connected, on_space, on_filled, NULL, on_ended};

static void on_connection(void *owner, uv_stream_t *server)
{
	struct rig *rig = owner;

	if (rig->stream)
		hang_up(rig);
	rig->connections++;
	frame_reader_finish(&rig->reader);
	frame_reader_init(&rig->reader, FRAME_BYTES_MAX);
	assert_int_equal(stream_create(&rig->stream, &rig->loop, &events, rig), 0);
	assert_int_equal(stream_accept(rig->stream, server), 0);
	assert_int_equal(stream_read_start(rig->stream), 0);
}

/* ---- a test -------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char text[ADDRESS_TEXT_MAX];

	*state = rig;
	if (!rig || uv_loop_init(&rig->loop) != 0 || address_parse("127.0.0.1:0", &rig->address, NULL) != 0)
		return -1;
	rig->first = rig->next = 1;
	rig->batch_bytes = 1000;
	rig->acking = true;
	rig->welcome = (struct welcome){
	    .protocol_version = PROTOCOL_VERSION, .window_batches = 4, .max_frame_bytes = FRAME_BYTES_MAX};
	if (acceptor_create(&rig->acceptor, &rig->loop, &rig->address, on_connection, rig, NULL) != 0)
		return -1;
	acceptor_address(rig->acceptor, text);
	return address_parse(text, &rig->address, NULL);
}

static void start_with(struct rig *rig, struct uplink_options options)
{
	struct uplink_source source = {rig, first_unacked, next_seq, read_batch, ack, resync, renew, fill_heartbeat};
	struct hello hello = {.hostname = BYTES_LITERAL("web-1"), .stream = 77};

	memset(&hello.boot, 7, sizeof(hello.boot));
	if (options.collector_count == 0) {
		options.collectors[0] = (struct address){"127.0.0.1", rig->address.port};
		options.collector_count = 1;
	}
	assert_int_equal(uplink_create(&rig->uplink, &rig->loop, &options, &hello, &source), 0);
	uplink_start(rig->uplink);
}

static void start(struct rig *rig)
{
	start_with(rig, (struct uplink_options){.compress = true});
}

static void on_stopped(void *owner)
{
	((struct rig *)owner)->stopped = true;
}

static bool is_stopped(void *owner)
{
	return ((struct rig *)owner)->stopped;
}

static void stop(struct rig *rig, uint32_t drain_ms)
{
	uplink_stop(rig->uplink, drain_ms, on_stopped, rig);
	assert_true(loop_until(&rig->loop, is_stopped, rig));
	rig->uplink = NULL;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->uplink)
		stop(rig, 0);
	if (rig->stream)
		hang_up(rig);
	acceptor_close(rig->acceptor, NULL, NULL);
	if (!loop_finish(&rig->loop))
		return -1;
	frame_reader_finish(&rig->reader);
	arena_finish(&rig->arena);
	free(rig);
	return 0;
}

static struct uplink_stats stats_of(const struct rig *rig)
{
	struct uplink_stats stats;

	uplink_stats(rig->uplink, &stats);
	return stats;
}

static bool all_acked(void *owner)
{
	struct rig *rig = owner;

	return rig->first == rig->next;
}

static bool is_connected(void *owner)
{
	return stats_of(owner).connected;
}

static bool second_connection(void *owner)
{
	return ((struct rig *)owner)->connections >= 2;
}

static bool second_streaming(void *owner)
{
	return second_connection(owner) && is_connected(owner);
}

static bool has_error(void *owner)
{
	return stats_of(owner).error[0] != '\0';
}

static bool four_came(void *owner)
{
	return ((struct rig *)owner)->seq_count >= 4;
}

static bool one_came(void *owner)
{
	return ((struct rig *)owner)->seq_count >= 1;
}

static bool heartbeat_came(void *owner)
{
	return ((struct rig *)owner)->heartbeats > 0;
}

static void assert_error(struct rig *rig, const char *part)
{
	assert_true(loop_until(&rig->loop, has_error, rig));
	if (!strstr(stats_of(rig).error, part))
		fail_msg("'%s' does not say '%s'", stats_of(rig).error, part);
	assert_false(stats_of(rig).connected);
}

static void assert_came(const struct rig *rig, uint64_t from, uint64_t to)
{
	assert_int_equal(rig->seq_count, to - from + 1);
	for (size_t i = 0; i < rig->seq_count; i++)
		assert_int_equal(rig->seqs[i], from + i);
}

static void brings_everything_in_order(void **state)
{
	struct rig *rig = *state;

	rig->next = 301;
	start(rig);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_came(rig, 1, 300);
	assert_int_equal(stats_of(rig).batches_sent, 300);
	assert_true(stats_of(rig).bytes_sent < 300u * 1000); /* compressed on the wire */
	assert_string_equal(stats_of(rig).state, "streaming");
	rig->next = 303;
	uplink_kick(rig->uplink);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_came(rig, 1, 302);
}

static void says_who_it_is_and_how_it_is(void **state)
{
	struct rig *rig = *state;

	rig->first = 5;
	rig->next = 8;
	rig->acking = false;
	start(rig);
	assert_true(loop_until(&rig->loop, heartbeat_came, rig));
	assert_int_equal(rig->hello.protocol_version, PROTOCOL_VERSION);
	assert_int_equal(rig->hello.stream, 77);
	assert_int_equal(rig->hello.first_unacked_seq, 5);
	assert_int_equal(rig->hello.boottime_ns, 4711);
	assert_int_equal(rig->heartbeat.queue_batches, 3);
	assert_int_equal(rig->heartbeat.reconnects, 0);
}

static void resumes_where_the_collector_says(void **state)
{
	struct rig *rig = *state;

	rig->next = 11;
	rig->welcome.resume_seq = 8;
	start(rig);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_came(rig, 8, 10);
}

static void numbers_may_jump(void **state)
{
	struct rig *rig = *state;

	rig->next = 2001;
	rig->hole_from = 3;
	rig->hole_to = 1999;
	start(rig);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_int_equal(rig->seq_count, 4);
	assert_int_equal(rig->seqs[2], 1999);
}

static void keeps_to_the_window(void **state)
{
	struct rig *rig = *state;

	rig->next = 101;
	rig->acking = false;
	start(rig);
	assert_true(loop_until(&rig->loop, four_came, rig));
	for (int i = 0; i < 20; i++)
		(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	assert_int_equal(rig->seq_count, 4);
	rig->acking = true;
	say_ack(rig, 4);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_came(rig, 1, 100);
}

static void brings_again_what_a_broken_connection_may_have_lost(void **state)
{
	struct rig *rig = *state;

	rig->next = 5;
	rig->acking = false;
	start(rig);
	assert_true(loop_until(&rig->loop, four_came, rig));
	say_ack(rig, 2);
	while (rig->first < 3)
		(void)uv_run(&rig->loop, UV_RUN_ONCE);
	hang_up(rig);
	rig->acking = true;
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_int_equal(rig->connections, 2);
	assert_int_equal(rig->seq_count, 6);
	assert_int_equal(rig->seqs[4], 3);
	assert_int_equal(rig->hello.first_unacked_seq, 3);
	assert_int_equal(stats_of(rig).reconnects, 1);
	assert_non_null(strstr(stats_of(rig).error, "closed it"));
}

static void waits_for_a_collector_that_comes_later(void **state)
{
	struct rig *rig = *state;
	uint16_t port = rig->address.port;

	acceptor_close(rig->acceptor, NULL, NULL);
	rig->acceptor = NULL;
	(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	rig->next = 3;
	start(rig);
	assert_error(rig, "connection refused");
	rig->address = (struct address){"127.0.0.1", port};
	assert_int_equal(acceptor_create(&rig->acceptor, &rig->loop, &rig->address, on_connection, rig, NULL), 0);
	assert_true(loop_until(&rig->loop, all_acked, rig));
}

static void a_collector_without_welcome_is_left(void **state)
{
	struct rig *rig = *state;

	rig->mute = true;
	start_with(rig, (struct uplink_options){.welcome_ms = 1});
	assert_error(rig, "no Welcome came from 127.0.0.1");
	rig->mute = false;
	assert_true(loop_until(&rig->loop, second_connection, rig));
}

static void a_collector_that_never_acks_is_left(void **state)
{
	struct rig *rig = *state;

	rig->next = 2;
	rig->acking = false;
	start_with(rig, (struct uplink_options){.stall_ms = 1, .heartbeat_ms = 5});
	assert_error(rig, "acknowledged nothing");
	rig->acking = true;
	assert_true(loop_until(&rig->loop, all_acked, rig));
}

/* An address at which nobody listens: the acceptor that had it is gone. */
static struct address dead_address(struct rig *rig)
{
	struct address address = {"127.0.0.1", 0};
	struct acceptor *acceptor;
	char text[ADDRESS_TEXT_MAX];

	assert_int_equal(acceptor_create(&acceptor, &rig->loop, &address, on_connection, rig, NULL), 0);
	acceptor_address(acceptor, text);
	acceptor_close(acceptor, NULL, NULL);
	(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	assert_int_equal(address_parse(text, &address, NULL), 0);
	return address;
}

static void the_next_collector_stands_in(void **state)
{
	struct rig *rig = *state;

	rig->next = 11;
	start_with(rig, (struct uplink_options){
			    .collectors = {dead_address(rig), {"127.0.0.1", rig->address.port}}, .collector_count = 2});
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_came(rig, 1, 10);
	assert_int_equal(rig->connections, 1);
}

static void a_refusal_sends_on_to_the_next_collector_at_once(void **state)
{
	struct message message = {.type = MESSAGE_REJECT,
				  .reject = {REJECT_UNAVAILABLE, BYTES_LITERAL("the disk is full"), 600000}};
	struct rig *rig = *state;

	start_with(rig, (struct uplink_options){.collectors = {rig->address, rig->address}, .collector_count = 2});
	assert_true(loop_until(&rig->loop, is_connected, rig));
	say(rig, &message);
	assert_error(rig, "refuses: the disk is full");
	rig->next = 3;
	assert_true(loop_until(&rig->loop, all_acked, rig)); /* the ten minutes are the first one's */
	assert_int_equal(rig->connections, 2);
}

/* The first connection only asks whether somebody is here; the next one comes to stay. */
static void on_better_connection(void *owner, uv_stream_t *server)
{
	struct rig *rig = owner;
	struct stream *stream;

	if (rig->questions++ > 0) {
		on_connection(owner, server);
		return;
	}
	assert_int_equal(stream_create(&stream, &rig->loop, &events, rig), 0);
	assert_int_equal(stream_accept(stream, server), 0);
	stream_close(stream, NULL);
}

/* The batches in flight are acknowledged before it moves, so none goes to both. */
static void a_better_collector_that_is_back_is_returned_to(void **state)
{
	struct rig *rig = *state;
	struct address better = dead_address(rig);
	struct acceptor *second;

	rig->next = 11;
	start_with(rig, (struct uplink_options){.collectors = {better, rig->address},
						.collector_count = 2,
						.heartbeat_ms = 5,
						.return_ms = 20});
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_int_equal(acceptor_create(&second, &rig->loop, &better, on_better_connection, rig, NULL), 0);
	acceptor_close(rig->acceptor, NULL, NULL);
	rig->acceptor = second;
	assert_true(loop_until(&rig->loop, second_streaming, rig));
	rig->next = 21;
	uplink_kick(rig->uplink);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_int_equal(rig->goodbyes, 1);
	assert_came(rig, 1, 20);
}

static void a_collector_that_misses_facts_is_told_all(void **state)
{
	struct rig *rig = *state;

	rig->first = 7;
	rig->next = 9;
	rig->welcome.snapshot_wanted = true;
	start(rig);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_int_equal(rig->resync_seq, 7);
}

static void a_refusal_is_told_and_its_wait_kept(void **state)
{
	struct message message = {.type = MESSAGE_REJECT,
				  .reject = {REJECT_UNAVAILABLE, BYTES_LITERAL("the disk is full"), 600000}};
	struct rig *rig = *state;

	start(rig);
	assert_true(loop_until(&rig->loop, is_connected, rig));
	say(rig, &message);
	assert_error(rig, "refuses: the disk is full");
	assert_string_equal(stats_of(rig).state, "backing-off");
	stop(rig, 60000); /* ends the long wait at once */
	assert_int_equal(rig->connections, 1);
}

static void what_makes_no_sense_ends_the_connection(void **state)
{
	struct message message = {.type = MESSAGE_WELCOME, .welcome = {.protocol_version = PROTOCOL_VERSION}};
	struct rig *rig = *state;

	start(rig);
	assert_true(loop_until(&rig->loop, is_connected, rig));
	say(rig, &message);
	assert_error(rig, "out of order");
	assert_true(loop_until(&rig->loop, second_streaming, rig));
	say_ack(rig, 17);
	while (is_connected(rig))
		(void)uv_run(&rig->loop, UV_RUN_ONCE);
	assert_error(rig, "acknowledged batch 17, which was not sent");
}

static void another_protocol_is_told_so(void **state)
{
	struct rig *rig = *state;
	uint8_t *text = (uint8_t *)strdup("HTTP/1.1 400 Bad Request\r\n\r\n");

	rig->mute = true;
	start(rig);
	while (!rig->stream)
		(void)uv_run(&rig->loop, UV_RUN_ONCE);
	assert_non_null(text);
	assert_int_equal(stream_write(rig->stream, text, 28), 0);
	assert_error(rig, "does not speak the collector's protocol");
}

static void another_version_is_told_so(void **state)
{
	struct rig *rig = *state;

	rig->welcome.protocol_version = PROTOCOL_VERSION + 1;
	start(rig);
	assert_error(rig, "upgrade the older one");
}

static void a_spool_older_than_the_collector_knows_is_told_so(void **state)
{
	struct rig *rig = *state;

	rig->next = 10;
	rig->welcome.resume_seq = 11;
	start(rig);
	assert_error(rig, "restored from an older copy");
	assert_int_equal(rig->first, 1);
	assert_int_equal(rig->seq_count, 0);
}

static void and_begins_a_new_stream_where_it_can(void **state)
{
	struct rig *rig = *state;

	rig->next = 10;
	rig->renews = true;
	rig->welcome.resume_seq = 11;
	start(rig);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_int_equal(rig->hello.stream, 78);
	assert_came(rig, 1, 9);
	assert_non_null(strstr(stats_of(rig).error, "a new stream is begun"));
}

static void a_pace_is_kept(void **state)
{
	struct message slow = {.type = MESSAGE_PACE, .pace = {.batches_per_second = 1}};
	struct message fast = {.type = MESSAGE_PACE, .pace = {.batches_per_second = 0}};
	struct rig *rig = *state;

	rig->next = 2;
	rig->acking = false;
	start(rig);
	assert_true(loop_until(&rig->loop, one_came, rig));
	say(rig, &slow);
	say_ack(rig, 1);
	assert_true(loop_until(&rig->loop, all_acked, rig)); /* then the Pace before the ack was read, too */
	rig->acking = true;
	rig->next = 101;
	uplink_kick(rig->uplink);
	assert_int_equal(stats_of(rig).batches_sent, 2); /* though the window takes four */
	say(rig, &fast);
	uplink_kick(rig->uplink);
	assert_true(loop_until(&rig->loop, all_acked, rig));
	assert_came(rig, 1, 100);
}

static bool second_heartbeat(void *owner)
{
	return ((struct rig *)owner)->heartbeats >= 2;
}

/* The only timer of a sensor that is connected: how long it sleeps. */
static void at_rest_it_speaks_seldom(void **state)
{
	const uint32_t beat_ms = 1000;
	struct rig *rig = *state;
	int wait_ms;

	start_with(rig, (struct uplink_options){.heartbeat_ms = beat_ms});
	assert_true(loop_until(&rig->loop, heartbeat_came, rig)); /* the one behind the Welcome */
	assert_in_range(uv_backend_timeout(&rig->loop), 0, beat_ms);
	assert_true(loop_until(&rig->loop, second_heartbeat, rig));
	wait_ms = uv_backend_timeout(&rig->loop);
	assert_in_range(wait_ms, beat_ms + 1, UPLINK_REST_MS(beat_ms));
	rig->next = 2;
	uplink_kick(rig->uplink);
	assert_in_range(uv_backend_timeout(&rig->loop), 0, beat_ms); /* as if it had not rested */
	assert_true(loop_until(&rig->loop, all_acked, rig));
	rig->heartbeats = 0;
	assert_true(loop_until(&rig->loop, heartbeat_came, rig));
	assert_in_range(uv_backend_timeout(&rig->loop), 0, beat_ms); /* a batch was sent before it */
}

static void stopping_brings_the_rest_first(void **state)
{
	struct rig *rig = *state;

	rig->next = 201;
	start(rig);
	assert_true(loop_until(&rig->loop, is_connected, rig));
	stop(rig, 20000);
	assert_int_equal(rig->first, 201);
	assert_came(rig, 1, 200);
	assert_int_equal(rig->goodbyes, 1);
	assert_int_equal(rig->connections, 1);
}

static void stopping_waits_only_so_long(void **state)
{
	struct rig *rig = *state;

	rig->next = 3;
	rig->acking = false;
	start(rig);
	assert_true(loop_until(&rig->loop, is_connected, rig));
	stop(rig, 1);
	assert_int_equal(rig->first, 1); /* the spool keeps them */
	assert_int_equal(rig->goodbyes, 1);
}

static void stopping_before_starting_is_fine(void **state)
{
	struct rig *rig = *state;

	start(rig);
	stop(rig, 0);
	assert_int_equal(rig->hellos, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(brings_everything_in_order),
	    TEST(says_who_it_is_and_how_it_is),
	    TEST(resumes_where_the_collector_says),
	    TEST(numbers_may_jump),
	    TEST(keeps_to_the_window),
	    TEST(brings_again_what_a_broken_connection_may_have_lost),
	    TEST(waits_for_a_collector_that_comes_later),
	    TEST(a_collector_without_welcome_is_left),
	    TEST(a_collector_that_never_acks_is_left),
	    TEST(the_next_collector_stands_in),
	    TEST(a_refusal_sends_on_to_the_next_collector_at_once),
	    TEST(a_better_collector_that_is_back_is_returned_to),
	    TEST(a_collector_that_misses_facts_is_told_all),
	    TEST(a_refusal_is_told_and_its_wait_kept),
	    TEST(what_makes_no_sense_ends_the_connection),
	    TEST(another_protocol_is_told_so),
	    TEST(another_version_is_told_so),
	    TEST(a_spool_older_than_the_collector_knows_is_told_so),
	    TEST(and_begins_a_new_stream_where_it_can),
	    TEST(a_pace_is_kept),
	    TEST(at_rest_it_speaks_seldom),
	    TEST(stopping_brings_the_rest_first),
	    TEST(stopping_waits_only_so_long),
	    TEST(stopping_before_starting_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
