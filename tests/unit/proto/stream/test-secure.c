/* SPDX-License-Identifier: Apache-2.0 */
/* Two streams with TLS over real loopback sockets in one loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "proto/stream/acceptor.h"
#include "proto/stream/stream.h"
#include "tests/unit/authority.h"
#include "tests/unit/loop.h"

#define UPDATES_MAX 400000u /* what they are answered with is several times what the kernel buffers */
#define BULK ((size_t)8 << 20) /* more than the kernel buffers between two loopback sockets */

struct world {
	struct folder folder;
	struct tls_context *client, *server, *nobody;
};

static struct world world;

static struct tls_context *context(enum tls_side side, const char *name, bool mutual)
{
	char ca[FOLDER_PATH_MAX * 2], cert[FOLDER_PATH_MAX * 2], key[FOLDER_PATH_MAX * 2], text[32];
	struct tls_options options = {.side = side, .ca = ca, .mutual = mutual};
	struct tls_context *made;

	folder_file(&world.folder, "ca.pem", ca);
	if (name) {
		(void)snprintf(text, sizeof(text), "%s.pem", name);
		folder_file(&world.folder, text, cert);
		(void)snprintf(text, sizeof(text), "%s.key", name);
		folder_file(&world.folder, text, key);
		options.cert = cert;
		options.key = key;
	}
	assert_int_equal(tls_context_create(&made, &options, NULL), 0);
	return made;
}

static int begin_world(void **state)
{
	struct authority authority;

	(void)state;
	assert_int_equal(folder_make(&world.folder), 0);
	authority_make(&authority, "test authority");
	authority_write(&authority, &world.folder, "ca.pem");
	authority_issue(&authority, &world.folder, "collector",
			&(struct request_for){"collector", "DNS:localhost,IP:127.0.0.1", "serverAuth", 0, 0, 10});
	authority_issue(&authority, &world.folder, "sensor", &(struct request_for){"web-1", "DNS:web-1", "clientAuth", 0, 0, 11});
	authority_finish(&authority);
	world.client = context(TLS_CLIENT, "sensor", false);
	world.nobody = context(TLS_CLIENT, NULL, false);
	world.server = context(TLS_SERVER, "collector", true);
	return 0;
}

static int end_world(void **state)
{
	(void)state;
	tls_context_unref(world.client);
	tls_context_unref(world.nobody);
	tls_context_unref(world.server);
	folder_remove(&world.folder);
	return 0;
}

struct end {
	struct stream *stream;
	uint8_t space[65536];
	size_t received, drains, pauses, answers;
	uint8_t checksum;
	bool connected, ended, closed, pause;
	int error;
};

struct pair {
	uv_loop_t loop;
	struct acceptor *acceptor;
	struct address address;
	struct end client, server;
	struct tls_context *client_tls, *server_tls;
};

static void on_connected(void *owner)
{
	((struct end *)owner)->connected = true;
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	struct end *end = owner;

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
	if (end->pause) {
		stream_read_stop(end->stream);
		end->pauses++;
	}
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

static void on_answered(void *owner)
{
	struct end *end = owner;

	assert_false(end->connected);
	end->answers++;
}

static const struct stream_events events = {on_connected, on_space, on_filled, on_drained, on_ended, on_answered};

static void on_connection(void *owner, uv_stream_t *server)
{
	struct pair *pair = owner;

	assert_int_equal(stream_create(&pair->server.stream, &pair->loop, &events, &pair->server), 0);
	if (pair->server_tls)
		assert_int_equal(stream_secure(pair->server.stream, pair->server_tls, NULL), 0);
	assert_int_equal(stream_accept(pair->server.stream, server), 0);
	pair->server.connected = !pair->server_tls;
}

static bool both_open(void *owner)
{
	struct pair *pair = owner;

	return pair->client.connected && pair->server.connected;
}

static void listen_on(struct pair *pair)
{
	const char *text = "127.0.0.1:0";
	char actual[ADDRESS_TEXT_MAX];
	struct address address;

	memset(pair, 0, sizeof(*pair));
	pair->client_tls = tls_context_ref(world.client);
	pair->server_tls = tls_context_ref(world.server);
	assert_int_equal(uv_loop_init(&pair->loop), 0);
	assert_int_equal(address_parse(text, &address, NULL), 0);
	assert_int_equal(acceptor_create(&pair->acceptor, &pair->loop, &address, on_connection, pair, NULL), 0);
	acceptor_address(pair->acceptor, actual);
	assert_int_equal(address_parse(actual, &pair->address, NULL), 0);
	assert_int_not_equal(pair->address.port, 0);
}


static void begin_client(struct pair *pair, const char *host)
{
	assert_int_equal(stream_create(&pair->client.stream, &pair->loop, &events, &pair->client), 0);
	if (pair->client_tls)
		assert_int_equal(stream_secure(pair->client.stream, pair->client_tls, host), 0);
	assert_int_equal(stream_connect(pair->client.stream, host, pair->address.port), 0);
}

static void open_pair(struct pair *pair, const char *host)
{
	begin_client(pair, host);
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
	tls_context_unref(pair->client_tls);
	tls_context_unref(pair->server_tls);
}

static void use_client(struct pair *pair, struct tls_context *context)
{
	tls_context_unref(pair->client_tls);
	pair->client_tls = tls_context_ref(context);
}

static bool bulk_received(void *owner)
{
	return ((struct pair *)owner)->server.received >= BULK;
}

static bool bulk_received_piece_by_piece(void *owner)
{
	struct pair *pair = owner;

	(void)stream_read_start(pair->server.stream);
	return bulk_received(owner);
}

static bool client_drained(void *owner)
{
	return ((struct pair *)owner)->client.drains > 0;
}

static bool both_ended(void *owner)
{
	return ((struct pair *)owner)->client.ended && ((struct pair *)owner)->server.ended;
}

static bool client_ended(void *owner)
{
	return ((struct pair *)owner)->client.ended;
}

static bool server_ended(void *owner)
{
	return ((struct pair *)owner)->server.ended;
}

static bool client_received(void *owner)
{
	return ((struct pair *)owner)->client.received > 0;
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
	struct certificate certificate;
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	open_pair(&pair, "localhost");
	assert_true(stream_certificate(pair.server.stream, &certificate));
	assert_string_equal(certificate.names[0], "web-1");
	assert_int_equal(pair.server.answers, 1);
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(BULK, &checksum), BULK), 0);
	assert_true(loop_until(&pair.loop, bulk_received, &pair));
	assert_true(loop_until(&pair.loop, client_drained, &pair));
	assert_int_equal(stream_queued(pair.client.stream), 0);
	assert_int_equal(pair.server.received, BULK);
	assert_int_equal(pair.server.checksum, checksum);
	assert_string_equal(stream_why(pair.server.stream), "");
	finish(&pair);
}

/* Reading that is stopped and started again and again loses nothing, also what had been decrypted already. */
static void holds_back_when_not_read(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(stream_write(pair.client.stream, pattern(BULK, &checksum), BULK), 0);
	(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
	assert_int_equal(pair.server.received, 0);
	assert_true(stream_queued(pair.client.stream) > 0);
	pair.server.pause = true;
	assert_true(loop_until(&pair.loop, bulk_received_piece_by_piece, &pair));
	assert_int_equal(pair.server.checksum, checksum);
	assert_true(pair.server.pauses > 10);
	finish(&pair);
}

static void half_close_lets_the_answer_through(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
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

/* The client takes the connection for good before the server has judged it: the reason must reach it all the same. */
static void a_refusal_reaches_the_client(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	use_client(&pair, world.nobody);
	begin_client(&pair, "127.0.0.1");
	while (!pair.client.connected)
		(void)uv_run(&pair.loop, UV_RUN_ONCE);
	assert_int_equal(stream_read_start(pair.client.stream), 0);
	(void)stream_write(pair.client.stream, pattern(100, &checksum), 100);
	assert_true(loop_until(&pair.loop, both_ended, &pair));
	assert_int_equal(pair.client.error, -EPROTO);
	assert_int_equal(pair.server.error, -EPROTO);
	assert_false(pair.server.connected);
	assert_non_null(strstr(stream_why(pair.client.stream), "give --tls-cert and --tls-key"));
	assert_non_null(strstr(stream_why(pair.server.stream), "shows no certificate"));
	finish(&pair);
}

static void a_plain_client_is_refused(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	use_client(&pair, NULL);
	begin_client(&pair, "127.0.0.1");
	while (!pair.client.connected)
		(void)uv_run(&pair.loop, UV_RUN_ONCE);
	assert_int_equal(stream_read_start(pair.client.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(1000, &checksum), 1000), 0);
	assert_true(loop_until(&pair.loop, client_ended, &pair));
	assert_int_equal(stream_shutdown(pair.client.stream), 0);
	assert_true(loop_until(&pair.loop, server_ended, &pair));
	assert_int_equal(pair.server.error, -EPROTO);
	finish(&pair);
}

static void a_plain_server_is_noticed(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	tls_context_unref(pair.server_tls);
	pair.server_tls = NULL;
	begin_client(&pair, "127.0.0.1");
	while (!pair.server.connected)
		(void)uv_run(&pair.loop, UV_RUN_ONCE);
	assert_int_equal(stream_write(pair.server.stream, pattern(1000, &checksum), 1000), 0);
	assert_int_equal(stream_shutdown(pair.server.stream), 0);
	assert_true(loop_until(&pair.loop, client_ended, &pair));
	assert_int_equal(pair.client.error, -EPROTO);
	assert_false(pair.client.connected);
	assert_non_null(strstr(stream_why(pair.client.stream), "no TLS"));
	finish(&pair);
}

static void a_peer_that_goes_during_the_handshake(void **state)
{
	struct pair pair;

	(void)state;
	listen_on(&pair);
	use_client(&pair, NULL);
	begin_client(&pair, "127.0.0.1");
	while (!pair.server.stream || !pair.client.connected)
		(void)uv_run(&pair.loop, UV_RUN_ONCE);
	assert_int_equal(stream_shutdown(pair.client.stream), 0);
	assert_true(loop_until(&pair.loop, server_ended, &pair));
	assert_int_equal(pair.server.error, -ECONNRESET);
	finish(&pair);
}

static void closing_at_any_step_is_safe(void **state)
{
	struct pair pair;

	(void)state;
	for (int turns = 0; turns < 12; turns++) {
		listen_on(&pair);
		begin_client(&pair, "127.0.0.1");
		for (int i = 0; i < turns; i++)
			(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
		finish(&pair);
		assert_false(pair.client.ended);
	}
}

static void nothing_is_written_before_the_handshake(void **state)
{
	struct pair pair;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	begin_client(&pair, "127.0.0.1");
	while (!pair.server.stream)
		(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
	if (!pair.server.connected)
		assert_int_equal(stream_write(pair.server.stream, pattern(1, &checksum), 1), -ENOTCONN);
	assert_true(loop_until(&pair.loop, both_open, &pair));
	finish(&pair);
}

static bool server_has_some(void *owner)
{
	return ((struct pair *)owner)->server.received > 0;
}

/* Keys and what was read of the next record go along. */
static void goes_on_on_another_loop(void **state)
{
	struct stream_passage passage;
	struct end moved = {0};
	struct pair pair;
	uv_loop_t other;
	uint8_t checksum;

	(void)state;
	listen_on(&pair);
	open_pair(&pair, "127.0.0.1");
	assert_int_equal(uv_loop_init(&other), 0);
	pair.server.pause = true;
	assert_int_equal(stream_read_start(pair.server.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(1, &checksum), 1), 0);
	assert_true(loop_until(&pair.loop, server_has_some, &pair));
	assert_int_equal(stream_release(pair.server.stream, &passage), 0);
	assert_int_equal(stream_create(&moved.stream, &other, &events, &moved), 0);
	assert_int_equal(stream_adopt(moved.stream, &passage), 0);
	assert_int_equal(stream_read_start(moved.stream), 0);
	assert_int_equal(stream_write(pair.client.stream, pattern(100, &checksum), 100), 0);
	while (moved.received < 100) {
		(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
		(void)uv_run(&other, UV_RUN_NOWAIT);
	}
	assert_int_equal(moved.checksum, checksum);
	assert_int_equal(stream_write(moved.stream, pattern(3, &checksum), 3), 0);
	assert_int_equal(stream_read_start(pair.client.stream), 0);
	while (pair.client.received < 3) {
		(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
		(void)uv_run(&other, UV_RUN_NOWAIT);
	}
	stream_close(moved.stream, on_closed);
	assert_true(loop_finish(&other));
	assert_true(moved.closed);
	finish(&pair);
}

/* ---- a peer that has keys changed again and again ------------------------------------------------------------- */

/* Its own SSL, since ours never asks for a new key. */
struct asker {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static void set_up_asker(struct asker *asker)
{
	char cert[FOLDER_PATH_MAX * 2], key[FOLDER_PATH_MAX * 2];

	folder_file(&world.folder, "sensor.pem", cert);
	folder_file(&world.folder, "sensor.key", key);
	asker->ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_use_certificate_file(asker->ctx, cert, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(asker->ctx, key, SSL_FILETYPE_PEM), 1);
	asker->ssl = SSL_new(asker->ctx);
	SSL_set_connect_state(asker->ssl);
}

static void connect_asker(struct asker *asker, struct pair *pair)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(pair->address.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int little = 4096;

	set_up_asker(asker);
	asker->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(asker->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
	assert_int_equal(connect(asker->fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(asker->fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(SSL_set_fd(asker->ssl, asker->fd), 1);
	while (SSL_do_handshake(asker->ssl) != 1 || !pair->server.connected)
		(void)uv_run(&pair->loop, UV_RUN_NOWAIT);
	assert_int_equal(stream_read_start(pair->server.stream), 0);
}

static void finish_asker(struct asker *asker)
{
	SSL_free(asker->ssl);
	SSL_CTX_free(asker->ctx);
	(void)close(asker->fd);
}

/* Returns false once the server has had enough. */
static bool ask(struct asker *asker, struct pair *pair)
{
	assert_int_equal(SSL_key_update(asker->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	while (!pair->server.ended && SSL_do_handshake(asker->ssl) != 1)
		(void)uv_run(&pair->loop, UV_RUN_NOWAIT);
	return !pair->server.ended;
}

static void who_asks_for_keys_and_reads_none_is_cut_off(void **state)
{
	struct asker asker;
	struct pair pair;
	size_t queued = 0;

	(void)state;
	listen_on(&pair);
	connect_asker(&asker, &pair);
	for (unsigned i = 0; i < UPDATES_MAX && ask(&asker, &pair); i++) {
		if (i % 16 == 0)
			(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
		if (stream_queued(pair.server.stream) > queued)
			queued = stream_queued(pair.server.stream);
	}
	assert_true(pair.server.ended);
	assert_int_equal(pair.server.error, -EPROTO);
	assert_non_null(strstr(stream_why(pair.server.stream), "new keys"));
	assert_true(queued <= STREAM_ANSWERS_MAX);
	finish_asker(&asker);
	finish(&pair);
}

static void who_asks_for_keys_and_reads_them_is_served(void **state)
{
	const unsigned updates = STREAM_ANSWERS_MAX / 27 * 2; /* bytes of each answer */
	struct asker asker;
	struct pair pair;
	char byte;

	(void)state;
	listen_on(&pair);
	connect_asker(&asker, &pair);
	for (unsigned i = 0; i < updates; i++) {
		assert_true(ask(&asker, &pair));
		(void)uv_run(&pair.loop, UV_RUN_NOWAIT);
		assert_true(SSL_read(asker.ssl, &byte, 1) < 0);
	}
	assert_int_equal(SSL_write(asker.ssl, "x", 1), 1);
	assert_true(loop_until(&pair.loop, server_has_some, &pair));
	assert_false(pair.server.ended);
	finish_asker(&asker);
	finish(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(carries_bytes_in_order),
	    cmocka_unit_test(holds_back_when_not_read),
	    cmocka_unit_test(half_close_lets_the_answer_through),
	    cmocka_unit_test(a_refusal_reaches_the_client),
	    cmocka_unit_test(a_plain_client_is_refused),
	    cmocka_unit_test(a_plain_server_is_noticed),
	    cmocka_unit_test(a_peer_that_goes_during_the_handshake),
	    cmocka_unit_test(closing_at_any_step_is_safe),
	    cmocka_unit_test(nothing_is_written_before_the_handshake),
	    cmocka_unit_test(goes_on_on_another_loop),
	    cmocka_unit_test(who_asks_for_keys_and_reads_none_is_cut_off),
	    cmocka_unit_test(who_asks_for_keys_and_reads_them_is_served),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
