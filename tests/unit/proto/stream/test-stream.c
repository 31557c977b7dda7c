/* SPDX-License-Identifier: Apache-2.0 */
/* Two streams over real loopback sockets in one loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/stream/acceptor.h"
#include "proto/stream/stream.h"
#include "tests/unit/loop.h"

#define BULK ((size_t)8 << 20) /* more than the kernel buffers between two loopback sockets */

struct end {
	struct stream *stream;
	uint8_t space[65536];
	size_t received, drains;
	uint8_t checksum;
	bool connected, ended, closed, refuse_space;
	int error;
};

struct pair {
	uv_loop_t loop;
	struct acceptor *acceptor;
	struct address address;
	struct end client, server;
	unsigned untaken; /* connections that are not to be taken, for lack of memory as it were */
};

static void on_connected(void *owner)
{
	((struct end *)owner)->connected = true;
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	struct end *end = owner;

	if (end->refuse_space)
		return -ENOMEM;
	*ret_at = end->space;
	*ret_len = sizeof(end->space);
	return 0;
}

static void on_filled(void *owner, size_t len)
{
	struct end *end = owner;

	for (size_t i = 0; i < len; i++)
		end->checksum = (uint8_t)(end->checksum * 31 + end->space[i]);
	end->received += len;
}

static void on_drained(void *owner)
{
	((struct end *)owner)->drains++;
}

static void on_ended(void *owner, int error)
{
	struct end *end = owner;

	assert_false(end->ended && end->error);
	end->ended = true;
	end->error = error;
}

static void on_closed(void *owner)
{
	((struct end *)owner)->closed = true;
}

static const struct stream_events events = {on_connected, on_space, on_filled, on_drained, on_ended};

static void on_connection(void *owner, uv_stream_t *server)
{
	struct pair *pair = owner;

	if (pair->untaken > 0) {
		pair->untaken--;
		return;
	}
	assert_int_equal(stream_create(&pair->server.stream, &pair->loop, &events, &pair->server), 0);
	assert_int_equal(stream_accept(pair->server.stream, server), 0);
	pair->server.connected = true;
}

static bool both_open(void *owner)
{
	struct pair *pair = owner;

	return pair->client.connected && pair->server.connected;
}

static void listen_on(struct pair *pair, const char *text)
{
	char actual[ADDRESS_TEXT_MAX];
	struct address address;

	memset(pair, 0, sizeof(*pair));
	assert_int_equal(uv_loop_init(&pair->loop), 0);
	assert_int_equal(address_parse(text, &address, NULL), 0);
	assert_int_equal(acceptor_create(&pair->acceptor, &pair->loop, &address, on_connection, pair, NULL), 0);
	acceptor_address(pair->acceptor, actual);
	assert_int_equal(address_parse(actual, &pair->address, NULL), 0);
	assert_int_not_equal(pair->address.port, 0);
}

static void open_pair(struct pair *pair, const char *host)
{
	assert_int_equal(stream_create(&pair->client.stream, &pair->loop, &events, &pair->client), 0);
	assert_int_equal(stream_connect(pair->client.stream, host, pair->address.port), 0);
	assert_true(loop_until(&pair->loop, both_open, pair));
}

static void finish(struct pair *pair)
{
	stream_close(pair->client.stream, on_closed);
	stream_close(pair->server.stream, on_closed);
	acceptor_close(pair->acceptor, NULL, NULL);
	assert_true(loop_finish(&pair->loop));
	assert_int_equal(pair->client.closed, pair->client.stream != NULL);
	assert_int_equal(pair->server.closed, pair->server.stream != NULL);
}

static bool bulk_received(void *owner)
{
	return ((struct pair *)owner)->server.received >= BULK;
}

static bool client_drained(void *owner)
{
	return ((struct pair *)owner)->client.drains > 0;
}

static uint8_t *pattern(size_t len, uint8_t *ret_checksum)
{
	uint8_t *data = malloc(len), sum = 0;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)(i * 7 + (i >> 8));
		sum = (uint8_t)(sum * 31 + data[i]);
	}
	*ret_checksum = sum;
	return data;
}

static void carries_bytes_in_order(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(BULK, &checksum), BULK), 0);
	assert_true(loop_until(&pair.loop, bulk_received, &pair));
	assert_true(loop_until(&pair.loop, client_drained, &pair));
	assert_int_equal(stream_queued(pair.client.stream), 0);
	assert_int_equal(pair.server.received, BULK);
	assert_int_equal(pair.server.checksum, checksum);
	finish(&pair);
}

static void connects_over_ipv6_and_by_name(void **state)
{
	struct sockaddr_storage peer;
	struct pair pair;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "localhost"); /* ::1 may be tried first and is refused there */
	assert_true(stream_peer(pair.server.stream, &peer));
	assert_true(address_is_loopback((const struct sockaddr *)&peer));
	finish(&pair);
}

static void holds_back_when_not_read(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(stream_write(pair.client.stream, pattern(BULK, &checksum), BULK), 0);
	(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
	assert_int_equal(pair.server.received, 0);
	assert_true(stream_queued(pair.client.stream) > 0);
	assert_true(stream_has_unread(pair.server.stream));
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_true(loop_until(&pair.loop, bulk_received, &pair));
	assert_false(stream_has_unread(pair.server.stream));
	finish(&pair);
}

static bool server_ended(void *owner)
{
	return ((struct pair *)owner)->server.ended;
}

static bool client_ended(void *owner)
{
	return ((struct pair *)owner)->client.ended;
}

static bool client_received(void *owner)
{
	return ((struct pair *)owner)->client.received > 0;
}

static void half_close_lets_the_answer_through(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_int_equal(stream_read_start(pair.client.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(10, &checksum), 10), 0);
	assert_int_equal(stream_shutdown(pair.client.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(1, &checksum), 1), -EPIPE);
	assert_true(loop_until(&pair.loop, server_ended, &pair));
	assert_int_equal(pair.server.error, 0);
	assert_int_equal(pair.server.received, 10);
	assert_int_equal(stream_write(pair.server.stream, pattern(3, &checksum), 3), 0);
	assert_true(loop_until(&pair.loop, client_received, &pair));
	finish(&pair);
}

static void refused_connection_ends_with_the_error(void **state)
{
	struct pair pair;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	acceptor_close(pair.acceptor, NULL, NULL);
	pair.acceptor = NULL;
	(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
	assert_int_equal(stream_create(&pair.client.stream, &pair.loop, &events, &pair.client), 0);
	assert_int_equal(stream_connect(pair.client.stream, "127.0.0.1", pair.address.port), 0);
	assert_true(loop_until(&pair.loop, client_ended, &pair));
	assert_int_equal(pair.client.error, -ECONNREFUSED);
	assert_int_equal(stream_read_start(pair.client.stream), -ENOTCONN);
	finish(&pair);
}

static void closing_while_resolving_or_connecting_is_safe(void **state)
{
	struct pair pair;

	(void)state;
	for (int turns = 0; turns < 3; turns++) { /* not begun, resolved, first address tried */
		listen_on(&pair, "127.0.0.1:0");
		assert_int_equal(stream_create(&pair.client.stream, &pair.loop, &events, &pair.client), 0);
		assert_int_equal(stream_connect(pair.client.stream, "localhost", pair.address.port), 0);
		for (int i = 0; i < turns; i++)
			(void)uv_run(&pair.loop, UV_RUN_ONCE);
		finish(&pair);
		assert_false(pair.client.ended);
	}
}

static void closing_drops_what_is_queued(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(stream_write(pair.client.stream, pattern(BULK, &checksum), BULK), 0);
	finish(&pair);
	assert_false(pair.client.ended);
	assert_int_equal(pair.client.drains, 0);
}

static void no_space_ends_the_stream(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	pair.server.refuse_space = true;
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(1, &checksum), 1), 0);
	assert_true(loop_until(&pair.loop, server_ended, &pair));
	assert_int_equal(pair.server.error, -ENOBUFS);
	finish(&pair);
}

static void address_in_use_names_the_remedy(void **state)
{
	struct acceptor *second;
	struct pair pair;
	char *why = NULL;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	assert_int_equal(acceptor_create(&second, &pair.loop, &pair.address, on_connection, &pair, &why), -EADDRINUSE);
	assert_non_null(why);
	assert_non_null(strstr(why, "choose another port"));
	free(why);
	finish(&pair);
}

/* ---- from loop to loop ------------------------------------------------------------------------------------------ */

static bool server_has_some(void *owner)
{
	return ((struct pair *)owner)->server.received > 0;
}

/* What was read before stays with the old owner, what comes later reaches the new one. */
static void goes_on_on_another_loop(void **state)
{
	struct stream_passage passage;
	struct end moved = {0};
	struct pair pair;
	uv_loop_t other;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(uv_loop_init(&other), 0);
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(1, &checksum), 1), 0);
	assert_true(loop_until(&pair.loop, server_has_some, &pair));
	assert_int_equal(stream_release(pair.server.stream, &passage), 0);
	assert_int_equal(stream_read_start(pair.server.stream), -ENOTCONN);
	assert_int_equal(stream_create(&moved.stream, &other, &events, &moved), 0);
	assert_int_equal(stream_adopt(moved.stream, &passage), 0);
	assert_int_equal(passage.fd, -1);
	assert_int_equal(stream_read_start(moved.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(100, &checksum), 100), 0);
	while (moved.received < 100) {
		(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
		(void)uv_run(&other, UV_RUN_ONCE);
	}
	assert_int_equal(moved.checksum, checksum);
	assert_int_equal(pair.server.received, 1);
	stream_close(moved.stream, on_closed);
	assert_true(loop_finish(&other));
	assert_true(moved.closed);
	finish(&pair);
}

static void is_not_released_with_something_queued(void **state)
{
	struct stream_passage passage;
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(stream_write(pair.server.stream, pattern(BULK, &checksum), BULK), 0);
	assert_int_equal(stream_release(pair.server.stream, &passage), -EBUSY);
	finish(&pair);
}

static bool connected(void *owner)
{
	return ((struct end *)owner)->connected;
}

/* The first acceptor's loop does not run: whoever waits is taken by the other one. */
static void two_loops_share_a_socket(void **state)
{
	struct pair pair, second;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	memset(&second, 0, sizeof(second));
	assert_int_equal(uv_loop_init(&second.loop), 0);
	assert_int_equal(acceptor_share(&second.acceptor, &second.loop, pair.acceptor, on_connection, &second), 0);
	assert_int_equal(stream_create(&second.client.stream, &second.loop, &events, &second.client), 0);
	assert_int_equal(stream_connect(second.client.stream, "127.0.0.1", pair.address.port), 0);
	assert_true(loop_until(&second.loop, connected, &second.server));
	assert_null(pair.server.stream);
	finish(&second);
	finish(&pair);
}

/* libuv would accept nothing more until it is taken. */
static void a_connection_that_nobody_takes_is_closed(void **state)
{
	struct pair pair;

	(void)state;
	listen_on(&pair, "127.0.0.1:0");
	for (unsigned i = 0; i < 3; i++) {
		struct stream *stream;

		pair.untaken = 1;
		pair.client = (struct end){0};
		assert_int_equal(stream_create(&stream, &pair.loop, &events, &pair.client), 0);
		assert_int_equal(stream_connect(stream, "127.0.0.1", pair.address.port), 0);
		while (!pair.client.connected)
			(void)uv_run(&pair.loop, UV_RUN_ONCE);
		assert_int_equal(stream_read_start(stream), 0);
		assert_true(loop_until(&pair.loop, client_ended, &pair));
		stream_close(stream, NULL);
	}
	pair.client = (struct end){0};
	open_pair(&pair, "127.0.0.1");
	finish(&pair);
}

/* Wherever the round begins, it comes to the address that answers. */
static void a_round_over_addresses_may_begin_anywhere(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 4; first++) {
		struct pair pair;

		listen_on(&pair, "127.0.0.1:0");
		assert_int_equal(stream_create(&pair.client.stream, &pair.loop, &events, &pair.client), 0);
		stream_begin_at(pair.client.stream, first);
		assert_int_equal(stream_connect(pair.client.stream, "localhost", pair.address.port), 0);
		assert_true(loop_until(&pair.loop, both_open, &pair));
		finish(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(carries_bytes_in_order),
	    cmocka_unit_test(connects_over_ipv6_and_by_name),
	    cmocka_unit_test(holds_back_when_not_read),
	    cmocka_unit_test(half_close_lets_the_answer_through),
	    cmocka_unit_test(refused_connection_ends_with_the_error),
	    cmocka_unit_test(closing_while_resolving_or_connecting_is_safe),
	    cmocka_unit_test(closing_drops_what_is_queued),
	    cmocka_unit_test(no_space_ends_the_stream),
	    cmocka_unit_test(address_in_use_names_the_remedy),
	    cmocka_unit_test(a_connection_that_nobody_takes_is_closed),
	    cmocka_unit_test(a_round_over_addresses_may_begin_anywhere),
	    cmocka_unit_test(goes_on_on_another_loop),
	    cmocka_unit_test(is_not_released_with_something_queued),
	    cmocka_unit_test(two_loops_share_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
