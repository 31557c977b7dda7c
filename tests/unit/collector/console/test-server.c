/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over real sockets on loopback, with a handler of the test's own. */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/log.h"
#include "collector/console/http/host.h"
#include "collector/console/http/server.h"
#include "tests/unit/collector/console/client.h"

enum log_level log_level = LOG_LEVEL_ERROR;

/* A body of count lines, which says 'wait' before each one when asked to, and counts how much of it was made. */
struct lines {
	struct body body;
	struct fixture *fixture;
	unsigned count, at;
	bool wait, waited, fail;
};

struct fixture {
	uv_loop_t loop;
	struct server *server;
	char address[64];
	struct connection *waiting;
	unsigned made, destroyed, requests;
	bool closed;
};

static int lines_produce(struct body *body, struct json *out)
{
	struct lines *lines = (struct lines *)(void *)body;

	while (lines->at < lines->count && out->len < CONNECTION_PIECE) {
		char line[32];

		if (lines->wait && !lines->waited) {
			lines->waited = true;
			lines->fixture->waiting = body->connection;
			return BODY_WAIT;
		}
		lines->waited = false;
		json_raw(out, line, (size_t)snprintf(line, sizeof(line), "line %u\n", lines->at++));
		lines->fixture->made++;
	}
	if (lines->fail)
		return -EIO;
	return lines->at < lines->count ? BODY_MORE : BODY_DONE;
}

static void lines_tick(struct body *body, struct json *out)
{
	(void)body;
	json_raw(out, "tick\n", 5);
}

static void lines_destroy(struct body *body)
{
	struct lines *lines = (struct lines *)(void *)body;

	lines->fixture->destroyed++;
	lines->fixture->waiting = NULL;
	free(lines);
}

static const struct body_type lines_type = {.produce = lines_produce, .destroy = lines_destroy};
static const struct body_type waiting_type = {.produce = lines_produce, .tick = lines_tick, .destroy = lines_destroy};

static void stream_lines(struct fixture *fixture, struct connection *connection, unsigned count, bool wait, bool fail)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	assert_non_null(lines);
	*lines = (struct lines){.body.type = wait ? &waiting_type : &lines_type,
				.fixture = fixture,
				.count = count,
				.wait = wait,
				.fail = fail};
	connection_stream(connection, RESPONSE_TEXT, &lines->body);
}

static void on_request(void *owner, struct connection *connection, const struct request *request)
{
	struct fixture *fixture = owner;
	struct json body = JSON_EMPTY;

	fixture->requests++;
	if (bytes_equal(request->path, BYTES_LITERAL("/lines"))) {
		stream_lines(fixture, connection, (unsigned)atoi(request_parameter(request, "count").data), false,
			     false);
	} else if (bytes_equal(request->path, BYTES_LITERAL("/wait"))) {
		stream_lines(fixture, connection, 3, true, false);
	} else if (bytes_equal(request->path, BYTES_LITERAL("/fail"))) {
		stream_lines(fixture, connection, 3, false, true);
	} else {
		json_string(&body, request->path);
		connection_answer(connection, 200, RESPONSE_TEXT, NULL, &body);
	}
}

static void setup_with(struct fixture *f, const struct server_options *options)
{
	struct server_options copy = *options;
	char *why = NULL;

	*f = (struct fixture){.closed = false};
	copy.address = "127.0.0.1:0";
	assert_int_equal(uv_loop_init(&f->loop), 0);
	if (server_create(&f->server, &f->loop, &copy, on_request, f, &why) < 0)
		fail_msg("%s", why);
	server_address(f->server, f->address, sizeof(f->address));
}

static void setup(struct fixture *f)
{
	setup_with(f, &(struct server_options){.address = NULL});
}

static void on_closed(void *owner)
{
	((struct fixture *)owner)->closed = true;
}

static void teardown(struct fixture *f)
{
	server_close(f->server, on_closed, f);
	assert_true(client_run_until(&f->loop, &f->closed));
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void test_answer(void **state)
{
	struct fixture f;
	int status;
	char *body;

	setup(&f);
	body = client_get(&f.loop, f.address, "/hello%20you", &status);
	assert_int_equal(status, 200);
	assert_string_equal(body, "\"/hello you\"");
	free(body);
	teardown(&f);
}

static void test_security_headers(void **state)
{
	static const char *const headers[] = {"Content-Length: 3\r\n",
					      "Cache-Control: no-store\r\n",
					      "X-Content-Type-Options: nosniff\r\n",
					      "X-Frame-Options: DENY\r\n",
					      "Content-Security-Policy: default-src 'none'",
					      "Cross-Origin-Resource-Policy: same-origin\r\n",
					      "Content-Type: text/plain; charset=utf-8\r\n"};
	struct fixture f;
	struct client c;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n\r\n");
	assert_true(client_until_text(&c, "\"/\""));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_non_null(strstr(c.data, headers[i]));
	assert_null(strstr(c.data, "Access-Control"));
	client_close(&c);
	teardown(&f);
}

static void test_request_byte_by_byte(void **state)
{
	static const char text[] = "\r\nGET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct fixture f;
	struct client c;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		client_send(&c, text + i, 1);
	assert_true(client_until_ended(&c));
	assert_non_null(strstr(c.data, "\"/slow\""));
	client_close(&c);
	teardown(&f);
}

/* Several requests at once are answered in their order, on one connection, also when the client has ended its side. */
static void test_pipelining(void **state)
{
	struct fixture f;
	struct client c;
	const char *at;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	for (int i = 0; i < 100; i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "GET %s%d HTTP/1.1\r\nHost: localhost\r\n\r\n",
			       i % 3 ? "/n" : "/lines?count=", i);
		client_send_text(&c, text);
	}
	assert_int_equal(shutdown(c.fd, 1), 0);
	assert_true(client_until_ended(&c));
	assert_int_equal(f.requests, 100);
	at = c.data;
	for (int i = 0; i < 100; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), i % 3 ? "\"/n%d\"" : "line %d\n", i % 3 ? i : i - 1);
		at = i ? strstr(at, text) : at;
		assert_non_null(at);
	}
	client_close(&c);
	teardown(&f);
}

static void check_refused(struct fixture *f, const char *text, size_t len, const char *status, const char *part)
{
	struct client c;

	client_open(&c, &f->loop, f->address);
	client_send(&c, text, len);
	if (!client_until_ended(&c))
		fail_msg("'%.60s' does not end the connection: %s", text, c.data);
	if (strncmp(c.data, status, strlen(status)) != 0 || !strstr(c.data, part))
		fail_msg("'%.60s' was answered %s", text, c.data);
	client_close(&c);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *status, *part;
	} rows[] = {
	    {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\"code\":\"bad_request\""},
	    {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505", "\"error\":{"},
	    {"DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 405",
	     "Allow: GET, HEAD\r\n"},
	    {"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405",
	     "method_not_allowed"},
	    {"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 413", "too_large"},
	    {"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "HTTP/1.1 421", "wrong_host"},
	    {"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\nConnection: close\r\n\r\n", "HTTP/1.1 421",
	     "wrong_host"},
	};
	static char big[REQUEST_HEAD_MAX * 2];
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_refused(&f, rows[i].text, strlen(rows[i].text), rows[i].status, rows[i].part);
	memset(big, 'a', sizeof(big));
	memcpy(big, "GET /", 5);
	check_refused(&f, big, sizeof(big), "HTTP/1.1 414", "request line");
	memcpy(big, "GET / HTTP/1.1\r\nx: ", 19);
	check_refused(&f, big, sizeof(big), "HTTP/1.1 431", "headers");
	assert_int_equal(f.requests, 0);
	teardown(&f);
}

static void test_head(void **state)
{
	struct fixture f;
	struct client c;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "HEAD /lines?count=5 HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /x HTTP/1.1\r\nHost: "
			     "localhost\r\nConnection: close\r\n\r\n");
	assert_true(client_until_ended(&c));
	assert_null(strstr(c.data, "line 0"));
	assert_null(strstr(c.data, "\"/x\""));
	assert_non_null(strstr(c.data, "Content-Length: 4\r\n"));
	assert_non_null(strstr(c.data, "Transfer-Encoding: chunked\r\n"));
	assert_int_equal(f.made, 0);
	assert_int_equal(f.destroyed, 1);
	client_close(&c);
	teardown(&f);
}

static void test_http10_streams_to_the_end(void **state)
{
	struct fixture f;
	struct client c;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /lines?count=2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(client_until_ended(&c));
	assert_null(strstr(c.data, "chunked"));
	assert_non_null(strstr(c.data, "\r\n\r\nline 0\nline 1\n"));
	client_close(&c);
	teardown(&f);
}

static void test_long_body(void **state)
{
	struct fixture f;
	int status;
	char *body;

	setup(&f);
	body = client_get(&f.loop, f.address, "/lines?count=500000", &status);
	assert_non_null(strstr(body, "line 499999\n"));
	assert_int_equal(f.made, 500000);
	assert_int_equal(f.destroyed, 1);
	free(body);
	teardown(&f);
}

/* Runs the loop until a thousand rounds have made nothing more. */
static void run_until_stuck(struct fixture *f)
{
	for (unsigned same = 0, before = 0; f->made == 0 || same < 1000; before = f->made) {
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		same = f->made == before ? same + 1 : 0;
	}
}

/* A peer that does not read makes no more of the body than the kernel's buffers hold, and others are served meanwhile.
 */
static void test_backpressure(void **state)
{
	struct fixture f;
	struct client c;
	int status;
	char *body;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /lines?count=100000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	run_until_stuck(&f);
	assert_true(f.made < 10000000);
	body = client_get(&f.loop, f.address, "/other", &status);
	assert_int_equal(status, 200);
	free(body);
	client_close(&c);
	teardown(&f);
	assert_int_equal(f.destroyed, 1);
}

static void test_wait_and_wake(void **state)
{
	struct fixture f;
	struct client c;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_text(&c, "\r\n\r\n"));
	for (int i = 0; i < 3; i++) {
		char line[16];

		assert_non_null(f.waiting);
		assert_int_equal(f.made, i);
		connection_wake(f.waiting);
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		assert_true(client_until_text(&c, line));
	}
	assert_true(client_until_text(&c, "0\r\n\r\n"));
	assert_int_equal(f.destroyed, 1);
	client_close(&c);
	teardown(&f);
}

static void test_tick_keeps_a_waiting_body_open(void **state)
{
	struct fixture f;
	struct client c;

	setup_with(&f, &(struct server_options){
			   .timeouts = {.idle = 60000, .head = 60000, .stall = 60000, .keepalive = 1, .linger = 1000}});
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_text(&c, "tick\n\r\n00000005\r\ntick\n"));
	assert_int_equal(f.made, 0);
	client_close(&c);
	teardown(&f);
	assert_int_equal(f.destroyed, 1);
}

static void test_follower_that_leaves_is_noticed(void **state)
{
	struct fixture f;
	struct client c, other;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_text(&c, "\r\n\r\n"));
	client_close(&c);
	client_open(&other, &f.loop, f.address);
	while (f.destroyed == 0)
		(void)uv_run(&f.loop, UV_RUN_ONCE);
	assert_null(f.waiting);
	client_close(&other);
	teardown(&f);
}

/* Half a body must not look like a whole one. */
static void test_failed_body_cuts(void **state)
{
	struct fixture f;
	struct client c;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_ended(&c));
	assert_null(strstr(c.data, "0\r\n\r\n"));
	client_close(&c);
	teardown(&f);
}

static void test_slow_head_times_out(void **state)
{
	struct fixture f;
	struct client c;

	setup_with(&f, &(struct server_options){
			   .timeouts = {.idle = 60000, .head = 1, .stall = 60000, .keepalive = 60000, .linger = 1000}});
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET / HTT");
	assert_true(client_until_ended(&c));
	assert_non_null(strstr(c.data, "HTTP/1.1 408"));
	client_close(&c);
	teardown(&f);
}

static void test_idle_times_out(void **state)
{
	struct fixture f;
	struct client c;

	setup_with(&f, &(struct server_options){
			   .timeouts = {.idle = 1, .head = 60000, .stall = 60000, .keepalive = 60000, .linger = 1000}});
	client_open(&c, &f.loop, f.address);
	assert_true(client_until_ended(&c));
	assert_int_equal(c.len, 0);
	client_close(&c);
	teardown(&f);
}

static void test_stalled_reader_times_out(void **state)
{
	struct fixture f;
	struct client c;

	setup_with(&f,
		   &(struct server_options){
		       .timeouts = {.idle = 60000, .head = 60000, .stall = 20, .keepalive = 60000, .linger = 1000}});
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /lines?count=100000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	while (f.destroyed == 0)
		(void)uv_run(&f.loop, UV_RUN_ONCE);
	client_close(&c);
	teardown(&f);
}

static void test_too_many_connections(void **state)
{
	struct server_stats stats;
	struct client clients[4];
	struct fixture f;

	setup_with(&f, &(struct server_options){.connections_max = 3});
	for (int i = 0; i < 3; i++) {
		client_open(&clients[i], &f.loop, f.address);
		client_send_text(&clients[i], "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
		assert_true(client_until_text(&clients[i], "\r\n\r\n"));
	}
	client_open(&clients[3], &f.loop, f.address);
	assert_true(client_until_ended(&clients[3])); /* all others are being answered */
	server_stats(f.server, &stats);
	assert_int_equal(stats.connections, 3);
	assert_int_equal(stats.refused_total, 1);
	assert_int_equal(stats.requests_total, 3);
	for (int i = 0; i < 4; i++)
		client_close(&clients[i]);
	teardown(&f);
}

/* Whoever holds connections and never asks keeps out nobody who does. */
static void test_slow_ones_make_room(void **state)
{
	struct server_stats stats;
	struct client slow[3], watcher, asker;
	struct fixture f;

	setup_with(&f, &(struct server_options){.connections_max = 4});
	client_open(&watcher, &f.loop, f.address);
	client_send_text(&watcher, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_text(&watcher, "\r\n\r\n"));
	for (int i = 0; i < 3; i++) {
		client_open(&slow[i], &f.loop, f.address);
		client_send_text(&slow[i], "GET / HTTP/1.1\r\nHo");
	}
	for (int i = 0; i < 3; i++) {
		client_open(&asker, &f.loop, f.address);
		client_send_text(&asker, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
		assert_true(client_until_text(&asker, "\"/\""));
		client_close(&asker);
	}
	assert_true(client_until_ended(&slow[0]));
	server_stats(f.server, &stats);
	assert_int_equal(stats.requests_total, 4);
	assert_true(stats.refused_total >= 1 && stats.refused_total <= 3);
	for (int i = 0; i < 3; i++)
		client_close(&slow[i]);
	client_close(&watcher);
	teardown(&f);
}

static void test_close_while_streaming(void **state)
{
	struct fixture f;
	struct client c, d;

	setup(&f);
	client_open(&c, &f.loop, f.address);
	client_send_text(&c, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_text(&c, "\r\n\r\n"));
	client_open(&d, &f.loop, f.address);
	client_send_text(&d, "GET /lines?count=100000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_until_text(&d, "line 100\n"));
	teardown(&f);
	assert_int_equal(f.destroyed, 2);
	client_close(&c);
	client_close(&d);
}

static void check_not_created(const char *address, int expected, const char *part)
{
	struct server_options options = {.address = address};
	struct server *server;
	char *why = NULL;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(server_create(&server, &loop, &options, on_request, NULL, &why), expected);
	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("%s: %s", address, why);
	free(why);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_addresses(void **state)
{
	struct fixture f;

	check_not_created("127.0.0.1", -EINVAL, "127.0.0.1");
	check_not_created("example.invalid:80", -EINVAL, "name");
	check_not_created("0.0.0.0:0", -EACCES, "--http-insecure");
	check_not_created("[::]:0", -EACCES, "--http-insecure");
	setup(&f);
	check_not_created(f.address, -EADDRINUSE, f.address);
	teardown(&f);
}

static void test_host_names(void **state)
{
	static const struct {
		const char *host, *address;
		bool local;
	} rows[] = {
	    {"localhost", "127.0.0.1:1", true},
	    {"LocalHost:8080", "127.0.0.1:1", true},
	    {"127.0.0.1", "127.0.0.1:1", true},
	    {"[::1]:9", "[::1]:9", true},
	    {"[::1]", "127.0.0.1:1", true},
	    {"", "127.0.0.1:1", true},
	    {"127.0.0.9:1", "127.0.0.9:1", true},
	    {"127.0.0.9", "127.0.0.1:1", false},
	    {"evil", "127.0.0.1:1", false},
	    {"localhost.evil", "127.0.0.1:1", false},
	    {":80", "127.0.0.1:1", false},
	    {"localhost:80x", "127.0.0.1:1", false},
	    {"evil@localhost", "127.0.0.1:1", false},
	    {"::1", "[::1]:1", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (host_is_local(bytes_from_string(rows[i].host), rows[i].address) != rows[i].local)
			fail_msg("'%s' at %s is not %d", rows[i].host, rows[i].address, rows[i].local);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_security_headers),
		cmocka_unit_test(test_request_byte_by_byte),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_http10_streams_to_the_end),
		cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_wait_and_wake),
		cmocka_unit_test(test_tick_keeps_a_waiting_body_open),
		cmocka_unit_test(test_follower_that_leaves_is_noticed),
		cmocka_unit_test(test_failed_body_cuts),
		cmocka_unit_test(test_slow_head_times_out),
		cmocka_unit_test(test_idle_times_out),
		cmocka_unit_test(test_stalled_reader_times_out),
		cmocka_unit_test(test_too_many_connections),
		cmocka_unit_test(test_slow_ones_make_room),
		cmocka_unit_test(test_close_while_streaming),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_host_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
