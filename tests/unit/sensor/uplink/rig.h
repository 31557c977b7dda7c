/* SPDX-License-Identifier: Apache-2.0 */
/* An uplink with a spool and a collector that do what a test tells them, over real sockets in one loop. */
#ifndef TEST_UPLINK_RIG_H
#define TEST_UPLINK_RIG_H

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
#include "tests/unit/loopback.h"

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

static inline uint64_t first_unacked(void *owner)
{
	return ((struct rig *)owner)->first;
}

static inline uint64_t next_seq(void *owner)
{
	return ((struct rig *)owner)->next;
}

static inline int read_batch(void *owner, uint64_t seq, struct bytes *ret, uint64_t *ret_seq)
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

static inline void ack(void *owner, uint64_t seq)
{
	struct rig *rig = owner;

	assert_true(seq < rig->next);
	if (seq + 1 > rig->first)
		rig->first = seq + 1;
}

static inline void resync(void *owner, uint64_t resume_seq)
{
	((struct rig *)owner)->resync_seq = resume_seq;
}

static inline uint64_t renew(void *owner)
{
	struct rig *rig = owner;

	if (!rig->renews)
		return 0;
	rig->next -= rig->first - 1; /* as many as before */
	rig->first = 1;
	rig->welcome.resume_seq = 0;
	return 78;
}

static inline void fill_heartbeat(void *owner, struct heartbeat *ret)
{
	struct rig *rig = owner;

	ret->boottime_ns = 4711;
	ret->queue_batches = rig->next - rig->first;
}

/* ---- the collector ------------------------------------------------------------------------------------------- */

static inline void say(struct rig *rig, const struct message *message)
{
	uint8_t *frame;
	size_t len;

	assert_int_equal(message_encode(message, false, &frame, &len), 0);
	assert_int_equal(stream_write(rig->stream, frame, len), 0);
}

static inline void say_ack(struct rig *rig, uint64_t seq)
{
	struct message message = {.type = MESSAGE_ACK, .ack = {seq}};

	say(rig, &message);
}

static inline void take_hello(struct rig *rig, const struct hello *hello)
{
	struct message message = {.type = MESSAGE_WELCOME, .welcome = rig->welcome};

	rig->hellos++;
	rig->hello = *hello;
	if (message.welcome.resume_seq == 0)
		message.welcome.resume_seq = hello->first_unacked_seq;
	if (!rig->mute)
		say(rig, &message);
}

static inline void take_batch(struct rig *rig, struct bytes batch)
{
	uint64_t seq;

	assert_int_equal(batch.len, rig->batch_bytes);
	memcpy(&seq, batch.data, sizeof(seq));
	assert_true(rig->seq_count < SEQS_MAX);
	rig->seqs[rig->seq_count++] = seq;
	if (rig->acking)
		say_ack(rig, seq);
}

static inline void take(struct rig *rig, const struct message *message)
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

static inline void on_connected(void *owner)
{
	(void)owner;
}

static inline int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	return frame_reader_space(&((struct rig *)owner)->reader, ret_at, ret_len);
}

static inline void on_filled(void *owner, size_t len)
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

static inline void on_stream_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static inline void hang_up(struct rig *rig)
{
	stream_close(rig->stream, on_stream_closed);
	rig->stream = NULL;
}

static inline void on_ended(void *owner, int error)
{
	struct rig *rig = owner;

	(void)error;
	rig->ended = true;
	hang_up(rig);
}

static const struct stream_events events = {on_connected, on_space, on_filled, NULL, on_ended};

static inline void on_connection(void *owner, uv_stream_t *server)
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

static inline int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char text[ADDRESS_TEXT_MAX];

	*state = rig;
	if (!rig || uv_loop_init(&rig->loop) != 0)
		return -1;
	(void)loopback_own(rig->address.host);
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

static inline void start_with(struct rig *rig, struct uplink_options options)
{
	struct uplink_source source = {rig, first_unacked, next_seq, read_batch, ack, resync, renew, fill_heartbeat};
	struct hello hello = {.hostname = BYTES_LITERAL("web-1"), .stream = 77};

	memset(&hello.boot, 7, sizeof(hello.boot));
	if (options.collector_count == 0) {
		options.collectors[0] = rig->address;
		options.collector_count = 1;
	}
	assert_int_equal(uplink_create(&rig->uplink, &rig->loop, &options, &hello, &source), 0);
	uplink_start(rig->uplink);
}

static inline void start(struct rig *rig)
{
	start_with(rig, (struct uplink_options){.compress = true});
}

static inline void on_stopped(void *owner)
{
	((struct rig *)owner)->stopped = true;
}

static inline bool is_stopped(void *owner)
{
	return ((struct rig *)owner)->stopped;
}

static inline void stop(struct rig *rig, uint32_t drain_ms)
{
	uplink_stop(rig->uplink, drain_ms, on_stopped, rig);
	assert_true(loop_until(&rig->loop, is_stopped, rig));
	rig->uplink = NULL;
}

static inline int teardown(void **state)
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

static inline struct uplink_stats stats_of(const struct rig *rig)
{
	struct uplink_stats stats;

	uplink_stats(rig->uplink, &stats);
	return stats;
}

static inline bool all_acked(void *owner)
{
	struct rig *rig = owner;

	return rig->first == rig->next;
}

static inline bool is_connected(void *owner)
{
	return stats_of(owner).connected;
}

static inline bool second_connection(void *owner)
{
	return ((struct rig *)owner)->connections >= 2;
}

static inline bool second_streaming(void *owner)
{
	return second_connection(owner) && is_connected(owner);
}

static inline bool has_error(void *owner)
{
	return stats_of(owner).error[0] != '\0';
}

static inline bool four_came(void *owner)
{
	return ((struct rig *)owner)->seq_count >= 4;
}

static inline bool one_came(void *owner)
{
	return ((struct rig *)owner)->seq_count >= 1;
}

static inline bool heartbeat_came(void *owner)
{
	return ((struct rig *)owner)->heartbeats > 0;
}

static inline void assert_error(struct rig *rig, const char *part)
{
	assert_true(loop_until(&rig->loop, has_error, rig));
	if (!strstr(stats_of(rig).error, part))
		fail_msg("'%s' does not say '%s'", stats_of(rig).error, part);
	assert_false(stats_of(rig).connected);
}

static inline void assert_came(const struct rig *rig, uint64_t from, uint64_t to)
{
	assert_int_equal(rig->seq_count, to - from + 1);
	for (size_t i = 0; i < rig->seq_count; i++)
		assert_int_equal(rig->seqs[i], from + i);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
