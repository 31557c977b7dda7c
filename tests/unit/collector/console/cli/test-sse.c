/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/cli/sse.h"

/* Writes what it is told into a text, one event a line. */
static int record(void *user, const struct sse_event *event)
{
	struct text *log = user;

	text_printf(log, "%s|%s|%.*s;", event->type, event->id, (int)event->data.len,
		    event->data.len ? event->data.data : "");
	return 0;
}

static const char stream[] =
	"\xef\xbb\xbf: a comment\n\n"
	"id: 1\nevent: fork\ndata: {\"a\":1}\n\n"
	"event: exec\r\nid:2\r\ndata:one\r\ndata: two\r\n\r\n"
	"data\r\r"
	"retry: 700\nid: 3\n\n"
	"unknown: x\ndata:  two blanks\nid: a\0b\n\n"
	"retry: soon\ndata: last\n\n"
	"data: never ended";
static const char expected[] =
	"fork|1|{\"a\":1};exec|2|one\ntwo;message|2|;message|3| two blanks;message|3|last;";

static void test_whole(void **state)
{
	struct text log = TEXT_NULL;
	struct sse sse = SSE_NULL;

	assert_int_equal(sse_feed(&sse, stream, sizeof(stream) - 1, record, &log), 0);
	assert_text(&log, expected);
	assert_int_equal(sse.retry_ms, 700);
	sse_finish(&sse);
	text_finish(&log);
}

static void test_cut_at_every_byte(void **state)
{
	for (size_t cut = 0; cut < sizeof(stream); cut++) {
		struct text log = TEXT_NULL;
		struct sse sse = SSE_NULL;

		assert_int_equal(sse_feed(&sse, stream, cut, record, &log), 0);
		assert_int_equal(sse_feed(&sse, stream + cut, sizeof(stream) - 1 - cut, record, &log), 0);
		assert_text(&log, expected);
		sse_finish(&sse);
		text_finish(&log);
	}
}

static void test_byte_by_byte(void **state)
{
	struct text log = TEXT_NULL;
	struct sse sse = SSE_NULL;

	for (size_t i = 0; i + 1 < sizeof(stream); i++)
		assert_int_equal(sse_feed(&sse, stream + i, 1, record, &log), 0);
	assert_text(&log, expected);
	sse_finish(&sse);
	text_finish(&log);
}

/* A new connection forgets half an event and keeps the place in the stream. */
static void test_restart(void **state)
{
	struct text log = TEXT_NULL;
	struct sse sse = SSE_NULL;

	assert_int_equal(sse_feed(&sse, "id: 9\ndata: a\n\nevent: exec\nid: 10\ndata: ha", 43, record, &log), 0);
	sse_restart(&sse);
	assert_int_equal(sse_feed(&sse, "data: b\n\n", 9, record, &log), 0);
	assert_text(&log, "message|9|a;message|9|b;");
	sse_finish(&sse);
	text_finish(&log);
}

/* As with an id that holds one: the field is passed over. */
static void test_type_with_nul(void **state)
{
	static const char nul[] = "event:\0a\ndata: 1\n\nevent: b\nevent: c\0\ndata: 2\n\n";
	struct text log = TEXT_NULL;
	struct sse sse = SSE_NULL;

	assert_int_equal(sse_feed(&sse, nul, sizeof(nul) - 1, record, &log), 0);
	assert_text(&log, "message||1;b||2;");
	sse_finish(&sse);
	text_finish(&log);
}

static int refuse(void *user, const struct sse_event *event)
{
	return ++*(int *)user == 2 ? 7 : 0;
}

static void test_handler_ends_it(void **state)
{
	struct sse sse = SSE_NULL;
	int calls = 0;

	assert_int_equal(sse_feed(&sse, "data: 1\n\ndata: 2\n\ndata: 3\n\n", 27, refuse, &calls), 7);
	assert_int_equal(calls, 2);
	sse_finish(&sse);
}

static void test_bound(void **state)
{
	static const char piece[4096] = {'x'};
	struct sse sse = SSE_NULL;
	struct text log = TEXT_NULL;
	size_t fed = 0;
	int err = 0;

	while (!err && fed <= 2 * SSE_EVENT_MAX) {
		err = sse_feed(&sse, piece, sizeof(piece), record, &log);
		fed += sizeof(piece);
	}
	assert_int_equal(err, -EMSGSIZE);
	assert_true(fed <= SSE_EVENT_MAX + sizeof(piece));
	sse_finish(&sse);
	text_finish(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),           cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_byte_by_byte),    cmocka_unit_test(test_restart),
		cmocka_unit_test(test_handler_ends_it), cmocka_unit_test(test_bound),
		cmocka_unit_test(test_type_with_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
