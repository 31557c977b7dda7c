/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that belong to another loop, in a session of this one, while this one's disk takes its time (--wrap): what an ack
 * may speak for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/listen/listener.h"
#include "collector/listen/session.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define BOOT_NOW 1
#define BOOT_HERE 8  /* a boot before, of this loop */
#define BOOT_THERE 9 /* one of another loop */

static bool disk_is_held;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	while (__atomic_load_n(&disk_is_held, __ATOMIC_ACQUIRE))
		(void)usleep(1000);
	return __real_fdatasync(fd);
}

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct listener *listener;
	struct address address;
	struct batches batches;
	struct route route;
	size_t admitted; /* bytes of relays */
	bool full;
	struct relay *relay; /* that was sent; the other loop has it */
	bool closed;
	/* the peer */
	struct stream *stream;
	struct frame_reader reader;
	struct arena arena;
	bool connected, peer_closed;
	unsigned welcomes, rejects;
	uint64_t acked;
	enum reject_code code;
};

/* ---- the other loop ------------------------------------------------------------------------------------------ */

static bool is_ours(void *owner, const struct boot_id *boot)
{
	(void)owner;
	return boot->octets[0] != BOOT_THERE;
}

static bool admit(void *owner, size_t cost)
{
	struct rig *rig = owner;

	if (!rig->full)
		rig->admitted += cost;
	return !rig->full;
}

static void dismiss(void *owner, size_t cost)
{
	((struct rig *)owner)->admitted -= cost;
}

static void take_relay(void *owner, struct relay *relay)
{
	((struct rig *)owner)->relay = relay;
}

static void joined(void *owner, const struct hello *hello)
{
	(void)owner;
	(void)hello;
}

static void breathe(void *owner)
{
	(void)owner;
}

static void give_back(struct rig *rig)
{
	struct relay *relay = rig->relay;

	rig->relay = NULL;
	dismiss(rig, relay_cost(relay->len));
	session_relayed(relay);
}

/* ---- the peer ------------------------------------------------------------------------------------------------ */

static void on_connected(void *owner)
{
	((struct rig *)owner)->connected = true;
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	return frame_reader_space(&((struct rig *)owner)->reader, ret_at, ret_len);
}

static void take(struct rig *rig, const struct message *message)
{
	if (message->type == MESSAGE_ACK)
		assert_true(message->ack.seq > rig->acked);
	if (message->type == MESSAGE_ACK)
		rig->acked = message->ack.seq;
	rig->welcomes += message->type == MESSAGE_WELCOME;
	rig->rejects += message->type == MESSAGE_REJECT;
	if (message->type == MESSAGE_REJECT)
		rig->code = message->reject.code;
}

static void on_filled(void *owner, size_t len)
{
	struct rig *rig = owner;
	struct message message;
	const uint8_t *data;
	size_t size;

	frame_reader_filled(&rig->reader, len);
	while (frame_reader_next(&rig->reader, &data, &size) == 0) {
		arena_reset(&rig->arena);
		assert_int_equal(message_decode_collector(&rig->arena, data, size, &message, NULL), 0);
		take(rig, &message);
	}
}

static void on_ended(void *owner, int error)
{
	(void)owner;
	(void)error;
}

static const struct stream_events events = {on_connected, on_space, on_filled, NULL, on_ended};

static void say(struct rig *rig, const struct message *message)
{
	uint8_t *frame;
	size_t len;

	assert_int_equal(message_encode(message, true, &frame, &len), 0);
	assert_int_equal(stream_write(rig->stream, frame, len), 0);
}

static void say_batch(struct rig *rig, uint8_t boot, uint64_t seq)
{
	struct message message = {.type = MESSAGE_BATCH};
	const uint8_t *data;
	size_t len;

	memset(&rig->batches.boot, boot, sizeof(rig->batches.boot));
	data = batches_make(&rig->batches, seq, 5, seq * 1000, &len);
	assert_non_null(data);
	message.batch = bytes_make(data, len);
	say(rig, &message);
}

static bool is_connected(void *owner)
{
	return ((struct rig *)owner)->connected;
}

static bool was_welcomed(void *owner)
{
	return ((struct rig *)owner)->welcomes > 0;
}

static void open_peer(struct rig *rig)
{
	struct message message = {.type = MESSAGE_HELLO};

	frame_reader_init(&rig->reader, 65536);
	assert_int_equal(stream_create(&rig->stream, &rig->loop, &events, rig), 0);
	assert_int_equal(stream_connect(rig->stream, "127.0.0.1", rig->address.port), 0);
	assert_true(loop_until(&rig->loop, is_connected, rig));
	assert_int_equal(stream_read_start(rig->stream), 0);
	message.hello = (struct hello){.protocol_version = PROTOCOL_VERSION,
				       .boot = rig->batches.boot,
				       .hostname = BYTES_LITERAL("web-1"),
				       .stream = rig->batches.stream,
				       .first_unacked_seq = 1};
	say(rig, &message);
	assert_true(loop_until(&rig->loop, was_welcomed, rig));
}

static void on_peer_closed(void *owner)
{
	((struct rig *)owner)->peer_closed = true;
}

static bool is_peer_closed(void *owner)
{
	return ((struct rig *)owner)->peer_closed;
}

static void close_peer(struct rig *rig)
{
	if (rig->stream) {
		stream_close(rig->stream, on_peer_closed);
		rig->stream = NULL;
		assert_true(loop_until(&rig->loop, is_peer_closed, rig));
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void hold_disk(bool held)
{
	__atomic_store_n(&disk_is_held, held, __ATOMIC_RELEASE);
}

static void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static int open_rooms(struct rig *rig)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct journal_options journal = {.dir = rig->folder.path};
	struct seglog_recovery recovery;

	if (forest_create(&rig->forest, &forest) != 0 ||
	    journal_open(&rig->journal, &rig->loop, &journal, &recovery, NULL) != 0)
		return -1;
	return ingest_create(&rig->ingest, rig->forest, rig->journal);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct listener_options options = {0};
	char text[ADDRESS_TEXT_MAX];

	*state = rig;
	hold_disk(false);
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0 ||
	    batches_init(&rig->batches, BOOT_NOW, 77) != 0 || open_rooms(rig) != 0)
		return -1;
	rig->route = (struct route){.is_ours = is_ours,
				    .admit = admit,
				    .dismiss = dismiss,
				    .relay = take_relay,
				    .joined = joined,
				    .breathe = breathe,
				    .owner = rig};
	options.ingest = rig->ingest;
	options.route = &rig->route;
	if (address_parse("127.0.0.1:0", &options.address, NULL) != 0 ||
	    listener_create(&rig->listener, &rig->loop, &options, NULL) != 0)
		return -1;
	listener_address(rig->listener, text);
	if (address_parse(text, &rig->address, NULL) != 0)
		return -1;
	open_peer(rig);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	hold_disk(false);
	close_peer(rig);
	if (rig->listener) {
		listener_close(rig->listener, on_closed, rig);
		assert_true(loop_until(&rig->loop, is_closed, rig));
	}
	ingest_destroy(rig->ingest);
	rig->closed = false;
	journal_close(rig->journal, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	forest_destroy(rig->forest);
	frame_reader_finish(&rig->reader);
	arena_finish(&rig->arena);
	batches_finish(&rig->batches);
	folder_remove(&rig->folder);
	if (!loop_finish(&rig->loop))
		return -1;
	free(rig);
	return 0;
}

/* ---- what must hold ------------------------------------------------------------------------------------------ */

static bool is_admitted(void *owner)
{
	return ((struct rig *)owner)->admitted > 0;
}

static bool is_sent(void *owner)
{
	return ((struct rig *)owner)->relay;
}

static bool is_dismissed(void *owner)
{
	return ((struct rig *)owner)->admitted == 0;
}

static bool was_rejected(void *owner)
{
	return ((struct rig *)owner)->rejects > 0;
}

static bool has_ack_2(void *owner)
{
	return ((struct rig *)owner)->acked >= 2;
}

static bool has_ack_3(void *owner)
{
	return ((struct rig *)owner)->acked >= 3;
}

/* Were the other loop asked at once, it could be the first to be durable: the ack would then speak for batch 1 as well. */
static void an_ack_speaks_for_what_is_durable_here_and_there(void **state)
{
	struct rig *rig = *state;

	hold_disk(true);
	say_batch(rig, BOOT_HERE, 1);
	say_batch(rig, BOOT_THERE, 2);
	say_batch(rig, BOOT_NOW, 3);
	assert_true(loop_until(&rig->loop, is_admitted, rig));
	assert_null(rig->relay);
	hold_disk(false);
	assert_true(loop_until(&rig->loop, is_sent, rig));
	assert_true(rig->acked < 2);
	give_back(rig);
	assert_true(loop_until(&rig->loop, has_ack_2, rig));
	assert_true(loop_until(&rig->loop, has_ack_3, rig));
	assert_int_equal(rig->rejects, 0);
}

static void a_session_that_ends_meanwhile_leaves_nothing(void **state)
{
	struct rig *rig = *state;

	hold_disk(true);
	say_batch(rig, BOOT_HERE, 1);
	say_batch(rig, BOOT_THERE, 2);
	assert_true(loop_until(&rig->loop, is_admitted, rig));
	/* a collector that stops says so to everybody, also to who waits */
	listener_close(rig->listener, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_dismissed, rig));
	close_peer(rig);
	hold_disk(false);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	assert_null(rig->relay);
	rig->listener = NULL;
}

static void a_session_that_ended_is_not_looked_for(void **state)
{
	struct rig *rig = *state;

	say_batch(rig, BOOT_THERE, 1);
	assert_true(loop_until(&rig->loop, is_sent, rig));
	listener_close(rig->listener, on_closed, rig);
	close_peer(rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	rig->listener = NULL;
	assert_true(rig->admitted > 0); /* the copy is still somewhere */
	give_back(rig);
	assert_int_equal(rig->admitted, 0);
}

static void too_many_are_told_to_come_back(void **state)
{
	struct rig *rig = *state;

	rig->full = true;
	say_batch(rig, BOOT_THERE, 1);
	assert_true(loop_until(&rig->loop, was_rejected, rig));
	assert_int_equal(rig->code, REJECT_UNAVAILABLE);
	assert_null(rig->relay);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_ack_speaks_for_what_is_durable_here_and_there),
	    TEST(a_session_that_ends_meanwhile_leaves_nothing),
	    TEST(a_session_that_ended_is_not_looked_for),
	    TEST(too_many_are_told_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
