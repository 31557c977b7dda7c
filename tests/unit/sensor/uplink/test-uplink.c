/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink against one collector: order, window, acks, refusals, pace, rest and end. */
#include "tests/unit/sensor/uplink/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

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

	acceptor_close(rig->acceptor, NULL, NULL);
	rig->acceptor = NULL;
	(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	rig->next = 3;
	start(rig);
	assert_error(rig, "connection refused");
	assert_int_equal(acceptor_create(&rig->acceptor, &rig->loop, &rig->address, on_connection, rig, NULL), 0);
	assert_true(loop_until(&rig->loop, all_acked, rig));
}

static void a_collector_without_welcome_is_left(void **state)
{
	struct rig *rig = *state;
	char expected[ADDRESS_TEXT_MAX + 32];

	rig->mute = true;
	start_with(rig, (struct uplink_options){.welcome_ms = 1});
	(void)snprintf(expected, sizeof(expected), "no Welcome came from %s", rig->address.host);
	assert_error(rig, expected);
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
