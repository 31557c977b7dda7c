/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/follow.h"
#include "server.h"

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define FOLLOW_E_ENOUGH 1
/* Bound of waiting for something that must happen: rounds of at most 100 ms. */
#define ROUNDS_MAX 200

struct seen {
	struct text log;
	unsigned count, wanted;
};

static int record(void *user, const struct sse_event *event)
{
	struct seen *seen = user;

	text_printf(&seen->log, "%s:%.*s ", event->id, (int)event->data.len, event->data.data);
	return ++seen->count == seen->wanted ? FOLLOW_E_ENOUGH : 0;
}

/* Until the handler has enough, the server refuses, or the bound is reached. Returns what ended it. */
static int run(struct follow *follow, struct client *client, unsigned *ret_lost)
{
	int err = 0;

	*ret_lost = 0;
	for (unsigned round = 0; !err && round < ROUNDS_MAX && follow->state != FOLLOW_REFUSED; round++) {
		bool lost = false;

		err = client_wait(client, NULL, 0, follow_timeout(follow, follow_now(), 100));
		if (!err)
			err = follow_tend(follow, follow_now(), &lost);
		*ret_lost += lost;
	}
	return err;
}

/* The stream breaks in the middle of an event: the next connection asks for what is behind the last whole one. */
static void test_resumes(void **state)
{
	static const char *const answers[] = {
		STREAM "id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: ha",
		"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		STREAM ": hello\n\nid: 3\ndata: c\n\nid: 4\ndata: d\n\n", NULL,
	};
	struct seen seen = {.wanted = 4};
	struct text problem = TEXT_NULL;
	struct server server;
	struct client client;
	struct follow follow;
	unsigned lost;
	char *log;

	server_start(&server, answers);
	assert_int_equal(client_init(&client, server.url, NULL, NULL, &problem), 0);
	assert_int_equal(follow_start(&follow, &client, "/events", "0", record, &seen), 0);
	assert_int_equal(run(&follow, &client, &lost), FOLLOW_E_ENOUGH);
	follow_finish(&follow);
	client_finish(&client);
	log = server_end(&server, false);
	assert_text(&seen.log, "1:a 2:b 3:c 4:d ");
	assert_int_equal(lost, 2);
	assert_non_null(strstr(log, "Last-Event-ID: 0\r\n"));
	assert_non_null(strstr(strstr(log, "Last-Event-ID: 2\r\n") + 1, "Last-Event-ID: 2\r\n"));
	assert_null(strstr(log, "Last-Event-ID: 3\r\n"));
	assert_non_null(strstr(log, "Accept: text/event-stream\r\n"));
	free(log);
	text_finish(&seen.log);
	text_finish(&problem);
}

static void test_refusal_is_final(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}", NULL};
	struct seen seen = {.wanted = 1};
	struct text problem = TEXT_NULL;
	struct server server;
	struct client client;
	struct follow follow;
	unsigned lost;

	server_start(&server, answers);
	assert_int_equal(client_init(&client, server.url, NULL, NULL, &problem), 0);
	assert_int_equal(follow_start(&follow, &client, "/events", "", record, &seen), 0);
	assert_int_equal(run(&follow, &client, &lost), 0);
	assert_int_equal(follow.state, FOLLOW_REFUSED);
	assert_int_equal(follow.transfer.status, 400);
	follow_finish(&follow);
	client_finish(&client);
	free(server_end(&server, false));
	text_finish(&problem);
}

static void test_waits_longer_and_longer(void **state)
{
	struct follow follow = {
		.state = FOLLOW_CONNECTING, .sse = SSE_NULL, .transfer = {.result = CURLE_COULDNT_CONNECT}};
	int64_t bound = FOLLOW_WAIT_MIN_MS;
	bool lost;

	for (unsigned i = 0; i < 12; i++) {
		follow.state = FOLLOW_CONNECTING;
		assert_int_equal(follow_tend(&follow, 1000, &lost), 0);
		assert_true(lost);
		assert_int_equal(follow.state, FOLLOW_WAITING);
		assert_in_range(follow.retry_at - 1000, bound / 2, bound);
		assert_int_equal(follow_timeout(&follow, 1000, 60000), follow.retry_at - 1000);
		assert_int_equal(follow_timeout(&follow, 1000 + FOLLOW_WAIT_MAX_MS, 60000), 0);
		bound = 2 * bound < FOLLOW_WAIT_MAX_MS ? 2 * bound : FOLLOW_WAIT_MAX_MS;
	}
	follow.sse.retry_ms = 30000;
	follow.state = FOLLOW_CONNECTING;
	assert_int_equal(follow_tend(&follow, 1000, &lost), 0);
	assert_int_equal(follow.retry_at, 31000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resumes),
		cmocka_unit_test(test_refusal_is_final),
		cmocka_unit_test(test_waits_longer_and_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
