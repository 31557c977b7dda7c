/* SPDX-License-Identifier: Apache-2.0 */
/* A real listener on loopback, real forest and journal behind it, and peers that speak through real sockets in the same
 * loop. For tests. */
#ifndef CANOPY_TESTS_LISTEN_RIG_H
#define CANOPY_TESTS_LISTEN_RIG_H

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
	unsigned welcomes, acks, rejects, paces;
	uint64_t acked;
	struct welcome welcome;
	uint32_t reconnect_ms; /* as a sensor keeps it */
	enum reject_code code;
	char reason[512];
	bool raw; /* what comes is not taken for frames */
};

static inline void on_connected(void *owner)
{
	((struct peer *)owner)->connected = true;
}

static inline int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	struct peer *peer = owner;

	if (!peer->raw)
		return frame_reader_space(&peer->reader, ret_at, ret_len);
	*ret_at = peer->input + peer->len;
	*ret_len = INPUT_MAX - peer->len - 1;
	return 0;
}

static inline void take(struct peer *peer, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_WELCOME:
		peer->welcomes++;
		peer->welcome = message->welcome;
		peer->reconnect_ms = message->welcome.reconnect_ms;
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
	case MESSAGE_PACE:
		peer->paces++;
		if (message->pace.reconnect_ms)
			peer->reconnect_ms = message->pace.reconnect_ms;
		break;
	default:
		fail_msg("message of type %d", (int)message->type);
	}
}

static inline void on_filled(void *owner, size_t len)
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

static inline void on_ended(void *owner, int error)
{
	struct peer *peer = owner;

	(void)error;
	peer->ended = true;
}

static inline void on_peer_closed(void *owner)
{
	((struct peer *)owner)->closed = true;
}

static const struct stream_events events = {on_connected, on_space, on_filled, NULL, on_ended};

static inline void listen_with(struct rig *rig, const struct listener_options *given)
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

static inline void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static inline bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static inline void close_listener(struct rig *rig)
{
	rig->closed = false;
	listener_close(rig->listener, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	rig->listener = NULL;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline bool is_connected(void *owner)
{
	return ((struct peer *)owner)->connected;
}

static inline struct peer *peer_open(struct rig *rig)
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

static inline bool is_peer_closed(void *owner)
{
	return ((struct peer *)owner)->closed;
}

static inline void peer_close(struct peer *peer)
{
	stream_close(peer->stream, on_peer_closed);
	assert_true(loop_until(&peer->rig->loop, is_peer_closed, peer));
	frame_reader_finish(&peer->reader);
	arena_finish(&peer->arena);
	free(peer);
}

static inline void say_bytes(struct peer *peer, const void *data, size_t len)
{
	uint8_t *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, data, len);
	assert_int_equal(stream_write(peer->stream, copy, len), 0);
}

static inline void say(struct peer *peer, const struct message *message)
{
	uint8_t *frame;
	size_t len;

	assert_int_equal(message_encode(message, true, &frame, &len), 0);
	assert_int_equal(stream_write(peer->stream, frame, len), 0);
}

static inline void say_hello(struct peer *peer, uint32_t version)
{
	struct message message = {.type = MESSAGE_HELLO};

	message.hello = (struct hello){.protocol_version = version,
				       .boot = peer->rig->batches.boot,
				       .hostname = BYTES_LITERAL("web-1"),
				       .stream = peer->rig->batches.stream,
				       .first_unacked_seq = 1};
	say(peer, &message);
}

static inline void say_batch(struct peer *peer, uint64_t seq)
{
	struct message message = {.type = MESSAGE_BATCH};
	size_t len;
	const uint8_t *data = batches_make(&peer->rig->batches, seq, 20, seq * 1000, &len);

	assert_non_null(data);
	message.batch = bytes_make(data, len);
	say(peer, &message);
}

static inline bool was_welcomed(void *owner)
{
	return ((struct peer *)owner)->welcomes > 0;
}

static inline bool has_ended(void *owner)
{
	return ((struct peer *)owner)->ended;
}

static inline bool was_acked(void *owner)
{
	return ((struct peer *)owner)->acks > 0;
}

static inline struct peer *peer_join(struct rig *rig)
{
	struct peer *peer = peer_open(rig);

	say_hello(peer, PROTOCOL_VERSION);
	assert_true(loop_until(&rig->loop, was_welcomed, peer));
	return peer;
}

/* The peer was told why and then cut off. */
static inline void assert_rejected(struct peer *peer, enum reject_code code, const char *part)
{
	assert_true(loop_until(&peer->rig->loop, has_ended, peer));
	assert_int_equal(peer->rejects, 1);
	if (peer->code != code)
		print_error("%s\n", peer->reason);
	assert_int_equal(peer->code, code);
	if (!strstr(peer->reason, part))
		fail_msg("'%s' does not say '%s'", peer->reason, part);
	peer_close(peer);
}

static const struct listener_options plain = {0};

static inline bool one_is_left(void *owner)
{
	struct fleet_ingest_stats stats = {0};

	listener_stats(((struct rig *)owner)->listener, &stats);
	return stats.sessions == 1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
