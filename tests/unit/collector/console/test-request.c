/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/http/request.h"

static int parse(struct arena *arena, struct bytes text, struct request *request)
{
	const char *why = NULL;
	size_t at = 0, len = request_scan(text.data, text.len, &at);
	int r;

	if (len != text.len)
		fail_msg("the head ends at %zu of %u: %.*s", len, text.len, (int)text.len, text.data);
	r = request_parse(arena, text.data, text.len, request, &why);
	if (r > 0)
		assert_non_null(why);
	return r;
}

static const char whole[] =
    "GET /api/v1/processes?filter=proc.name+%3D%20curl&limit=10&flag&=x&empty= HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
    "User-Agent: t\r\nLast-Event-ID: \t 7.3 \r\nConnection: Keep-Alive, Upgrade\r\n\r\n";

static void check_whole(const struct request *request)
{
	assert_int_equal(request->method, REQUEST_GET);
	assert_true(bytes_equal(request->path, BYTES_LITERAL("/api/v1/processes")));
	assert_int_equal(request->parameter_count, 5);
	assert_true(bytes_equal(request_parameter(request, "filter"), BYTES_LITERAL("proc.name = curl")));
	assert_true(bytes_equal(request_parameter(request, "limit"), BYTES_LITERAL("10")));
	assert_non_null(request_parameter(request, "flag").data);
	assert_int_equal(request_parameter(request, "flag").len, 0);
	assert_int_equal(request_parameter(request, "empty").len, 0);
	assert_null(request_parameter(request, "none").data);
	assert_true(bytes_equal(request->host, BYTES_LITERAL("127.0.0.1:8080")));
	assert_true(bytes_equal(request->last_event_id, BYTES_LITERAL("7.3")));
	assert_true(request->keep_alive);
	assert_false(request->has_body);
	assert_int_equal(request->minor, 1);
}

static void test_whole(void **state)
{
	struct arena arena = ARENA_NULL;
	struct request request;

	assert_int_equal(parse(&arena, bytes_from_string(whole), &request), 0);
	check_whole(&request);
	arena_finish(&arena);
}

/* Cut at every byte, and byte by byte: the head is found when its last byte has come and not before. */
static void test_cut_at_every_byte(void **state)
{
	size_t at = 0;

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		size_t fresh = 0;
		char *exact = malloc(len ? len : 1);

		memcpy(exact, whole, len);
		assert_int_equal(request_scan(exact, len, &fresh), 0);
		assert_int_equal(request_scan(exact, len, &at), 0);
		assert_true(at <= len);
		free(exact);
	}
	assert_int_equal(request_scan(whole, sizeof(whole) - 1, &at), sizeof(whole) - 1);
}

static void test_cut_heads_are_refused_or_parsed(void **state)
{
	for (size_t len = 0; len < sizeof(whole); len++) {
		struct arena arena = ARENA_NULL;
		struct request request;
		const char *why = NULL;
		char *exact = malloc(len ? len : 1);
		int r;

		memcpy(exact, whole, len);
		r = request_parse(&arena, exact, len, &request, &why);
		assert_true(r == 0 || (r == 400 && why));
		free(exact);
		arena_finish(&arena);
	}
}

static void test_pipelined(void **state)
{
	static const char two[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
	size_t at = 0;

	assert_int_equal(request_scan(two, sizeof(two) - 1, &at), (sizeof(two) - 1) / 2);
}

static const struct {
	const char *head;
	int status; /* 0 = fine */
} rows[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET / HTTP/1.1\nHost: x\n\n", 0},
    {"GET / HTTP/1.0\r\n\r\n", 0},
    {"HEAD / HTTP/1.1\r\nHost:\r\n\r\n", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 0},
    {"GET / HTTP/1.7\r\nHost: x\r\n\r\n", 0},
    {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET http://y:1/p?q=1 HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET http://y HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET /?%41=%42#frag HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET /?&&a&& HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
    {"GET / HTTP/0.9\r\n\r\n", 505},
    {"GET /\r\n\r\n", 400},
    {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
    {"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET / HTTP/11\r\nHost: x\r\n\r\n", 400},
    {" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
    {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET http:///x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /% HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /%4g HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /%0a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /?%=1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHo st: x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400},
    {"\r\n\r\n", 400},
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena arena = ARENA_NULL;
		struct request request;
		const char *why = NULL;
		int r = request_parse(&arena, rows[i].head, strlen(rows[i].head), &request, &why);

		if (r != rows[i].status || (r && !why))
			fail_msg("%s gave %d (%s)", rows[i].head, r, why ? why : "");
		arena_finish(&arena);
	}
}

static void check(const char *head, int method, const char *path, const char *host, bool keep_alive, bool has_body)
{
	struct arena arena = ARENA_NULL;
	struct request request;

	assert_int_equal(parse(&arena, bytes_from_string(head), &request), 0);
	assert_int_equal(request.method, method);
	assert_true(bytes_equal(request.path, bytes_from_string(path)));
	assert_true(bytes_equal(request.host, bytes_from_string(host)));
	assert_int_equal(request.keep_alive, keep_alive);
	assert_int_equal(request.has_body, has_body);
	arena_finish(&arena);
}

static void test_meanings(void **state)
{
	check("GET / HTTP/1.0\r\n\r\n", REQUEST_GET, "/", "", false, false);
	check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", REQUEST_GET, "/", "", true, false);
	check("GET / HTTP/1.1\r\nHost: x\r\nCONNECTION: te , Close\r\n\r\n", REQUEST_GET, "/", "x", false, false);
	check("HEAD /a%2Fb+c HTTP/1.1\r\nHost: x\r\n\r\n", REQUEST_HEAD, "/a/b+c", "x", true, false);
	check("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", REQUEST_POST, "/", "x", true, true);
	check("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", REQUEST_GET, "/", "x", true, true);
	check("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 00\r\n\r\n", REQUEST_GET, "/", "x", true, false);
	check("GET HTTP://y:1?q HTTP/1.1\r\nHost: x\r\n\r\n", REQUEST_GET, "/", "y:1", true, false);
	check("get / HTTP/1.1\r\nHost: x\r\n\r\n", REQUEST_OTHER, "/", "x", true, false);
}

static void test_bounds(void **state)
{
	static char text[REQUEST_HEAD_MAX + 100];
	struct arena arena = ARENA_NULL;
	struct request request;
	const char *why;
	size_t len;

	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	memcpy(text + REQUEST_LINE_MAX, " HTTP/1.1\r\nHost: x\r\n\r\n", 22);
	assert_int_equal(request_parse(&arena, text, REQUEST_LINE_MAX + 22, &request, &why), 414);
	len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 99; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "a: b\r\n");
	assert_int_equal(
	    request_parse(&arena, text, (size_t)snprintf(text + len, sizeof(text) - len, "\r\n") + len, &request, &why),
	    0);
	assert_int_equal(request_parse(&arena, text,
				       (size_t)snprintf(text + len, sizeof(text) - len, "a: b\r\n\r\n") + len, &request,
				       &why),
			 431);
	len = (size_t)snprintf(text, sizeof(text), "GET /?");
	for (unsigned i = 0; i < REQUEST_PARAMETERS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "p&");
	assert_int_equal(request_parse(&arena, text,
				       (size_t)snprintf(text + len, sizeof(text) - len, " HTTP/1.0\r\n\r\n") + len,
				       &request, &why),
			 0);
	assert_int_equal(request_parse(&arena, text,
				       (size_t)snprintf(text + len, sizeof(text) - len, "p HTTP/1.0\r\n\r\n") + len,
				       &request, &why),
			 400);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_cut_heads_are_refused_or_parsed),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_meanings),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
