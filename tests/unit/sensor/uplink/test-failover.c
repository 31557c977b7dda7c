/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink with several collectors. */
#include "tests/unit/sensor/uplink/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

/* An address at which nobody listens: the acceptor that had it is gone. */
static struct address dead_address(struct rig *rig)
{
	struct address address = {.port = 0};
	struct acceptor *acceptor;
	char text[ADDRESS_TEXT_MAX];

	(void)loopback_own(address.host);
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
	start_with(rig, (struct uplink_options){.collectors = {dead_address(rig), rig->address}, .collector_count = 2});
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
	start_with(rig,
		   (struct uplink_options){
		       .collectors = {better, rig->address}, .collector_count = 2, .heartbeat_ms = 5, .return_ms = 20});
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_next_collector_stands_in),
	    TEST(a_refusal_sends_on_to_the_next_collector_at_once),
	    TEST(a_better_collector_that_is_back_is_returned_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
