/* SPDX-License-Identifier: Apache-2.0 */
/* Following the events over a real socket: pushed when durable, resumable without hole or double, loss in the stream.
 */
#include "tests/unit/proto/model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/collector/console/client.h"
#include "tests/unit/collector/console/world.h"

static void follow(struct world *w, struct client *client, const char *query, const char *last_id)
{
	char text[512];

	client_open(client, &w->loop, w->address);
	(void)snprintf(text, sizeof(text), "GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", query,
		       last_id ? "Last-Event-ID: " : "", last_id ? last_id : "", last_id ? "\r\n" : "");
	client_send_text(client, text);
	assert_true(client_until_text(client, "retry: 1000\nid: "));
	assert_non_null(strstr(client->data, "Content-Type: text/event-stream\r\n"));
}

static void add_process(struct world *w, uint32_t pid)
{
	struct fact facts[] = {
	    world_fork(w, pid, pid, 1, 1, "bash"),
	    world_exec(w, pid, pid, pid, 1, "/bin/true", "true\0", 5),
	    world_exit(w, pid, pid, pid + 1, 3),
	};

	facts[1].time_ns += 1000;
	world_add(w, 1, facts, 3, NULL);
}

static void begin(struct world *w)
{
	struct fact init = world_fork(w, 1, 1, 0, 0, "init");

	world_host(w, 1, "web-1");
	world_add(w, 1, &init, 1, NULL);
}

/* The object behind the n-th "event: TYPE"; NULL when there is none yet. */
static json_t *event_data(const struct client *client, const char *type, unsigned n)
{
	const char *at = client->data, *end;
	char wanted[32];
	json_t *data;

	(void)snprintf(wanted, sizeof(wanted), "event: %s\ndata: ", type);
	for (unsigned i = 0; i <= n; i++) {
		at = strstr(at, wanted);
		if (!at)
			return NULL;
		at += strlen(wanted);
	}
	end = strchr(at, '\n');
	assert_non_null(end);
	data = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(data);
	return data;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("%s is no text", key);
	return text;
}

/* Each event shows the process as it was at that moment, although the forest knew the end already. */
static void test_pushed_as_it_was(void **state)
{
	struct world w;
	struct client c;
	json_t *fork, *exec, *exit;

	world_init(&w, NULL);
	begin(&w);
	follow(&w, &c, "", NULL);
	add_process(&w, 50);
	assert_true(client_until_text(&c, "event: exit"));
	assert_true(client_until_text(&c, "\"type\":\"exit\""));
	fork = event_data(&c, "fork", 0);
	exec = event_data(&c, "exec", 0);
	exit = event_data(&c, "exit", 0);
	assert_null(event_data(&c, "fork", 1)); /* what was before is not told */
	assert_string_equal(text_of(fork, "type"), "fork");
	assert_string_equal(text_of(fork, "time"), "2026-11-22T12:00:50.000000000Z");
	assert_string_equal(text_of(fork, "state"), "live");
	assert_string_equal(text_of(fork, "comm"), "bash");
	assert_true(json_is_null(json_object_get(fork, "exe")));
	assert_true(json_is_null(json_object_get(fork, "exit")));
	assert_string_equal(text_of(exec, "exe"), "/bin/true");
	assert_string_equal(text_of(exec, "state"), "live");
	assert_string_equal(text_of(exec, "host"), "web-1");
	assert_string_equal(text_of(exit, "state"), "exited");
	assert_string_equal(text_of(exit, "exe"), "/bin/true");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(exit, "exit"), "code")), 3);
	json_decref(fork);
	json_decref(exec);
	json_decref(exit);
	client_close(&c);
	world_finish(&w);
}

static void test_known_facts_are_not_told_again(void **state)
{
	struct world w;
	struct client c;

	world_init(&w, NULL);
	begin(&w);
	follow(&w, &c, "", NULL);
	add_process(&w, 50);
	add_process(&w, 50); /* a second sensor */
	add_process(&w, 60);
	assert_true(client_until_text(&c, "\"pid\":60"));
	assert_true(client_until_text(&c, "\"code\":3,\"signal\":null,\"core\":false"));
	assert_null(event_data(&c, "fork", 2));
	client_close(&c);
	world_finish(&w);
}

static void test_filter(void **state)
{
	struct world w;
	struct client c, other;

	world_init(&w, NULL);
	begin(&w);
	follow(&w, &c, "?filter=proc.pid=60+and+proc.exepath+endswith+true", NULL);
	follow(&w, &other, "?host=web-2", NULL);
	add_process(&w, 50);
	add_process(&w, 60);
	assert_true(client_until_text(&c, "event: exit"));
	assert_null(strstr(c.data, "\"pid\":50"));
	assert_null(strstr(c.data, "event: fork")); /* bash then */
	assert_non_null(strstr(c.data, "event: exec"));
	world_host(&w, 2, "web-2");
	assert_true(client_until_text(&other, "event: host"));
	assert_null(strstr(other.data, "event: exec"));
	assert_null(strstr(other.data, "web-1"));
	client_close(&c);
	client_close(&other);
	world_finish(&w);
}

/* The id of the last whole event in what has come. */
static void last_id(const struct client *client, char out[64])
{
	const char *at = client->data, *found = NULL;

	while ((at = strstr(at, "\nid: "))) {
		if (!strstr(at, "\n\n"))
			break;
		found = at += 5;
	}
	assert_non_null(found);
	assert_int_equal(sscanf(found, "%63[^\n]", out), 1);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

static bool has_exit_of_55(const struct client *client, const void *argument)
{
	const char *at = strstr(client->data, "{\"type\":\"exit\",\"time\":\"2026-11-22T12:00:56.000000000Z\"");

	(void)argument;
	return at && strstr(at, "\n\n");
}

/* From every single id on, exactly what comes behind it. */
static void test_resume_at_every_event(void **state)
{
	struct world w;
	struct client all;
	const char *at;
	unsigned total;

	world_init(&w, NULL);
	begin(&w);
	for (uint32_t pid = 50; pid < 56; pid++)
		add_process(&w, pid);
	follow(&w, &all, "?cursor=0.0", NULL);
	assert_true(client_until(&all, has_exit_of_55, NULL));
	total = count(all.data, "\nevent: ");
	assert_int_equal(total, 1 + 1 + 6 * 3); /* host, init, and three for each */
	at = all.data;
	for (unsigned n = 0; n + 1 < total; n++) {
		struct client rest;
		const char *line;
		char id[64];

		at = strstr(at, "\nevent: ") + 1;
		line = at - 2; /* the id stands in the line before */
		while (line[-1] != '\n')
			line--;
		assert_int_equal(sscanf(line, "id: %63[^\n]", id), 1);
		follow(&w, &rest, "", id);
		assert_true(client_until(&rest, has_exit_of_55, NULL));
		assert_int_equal(count(rest.data, "\nevent: "), total - 1 - n);
		client_close(&rest);
	}
	client_close(&all);
	world_finish(&w);
}

static void test_resume_behind_all(void **state)
{
	struct world w;
	struct client c;
	char id[64], query[96];

	world_init(&w, NULL);
	begin(&w);
	add_process(&w, 50);
	follow(&w, &c, "", NULL);
	last_id(&c, id);
	client_close(&c);
	add_process(&w, 60);
	(void)snprintf(query, sizeof(query), "?cursor=%s", id);
	follow(&w, &c, query, NULL);
	assert_true(client_until_text(&c, "event: exit"));
	assert_null(strstr(c.data, "\"pid\":50"));
	client_close(&c);
	world_finish(&w);
}

static void test_gap_stands_in_the_stream(void **state)
{
	struct gap gap = {.type = FACT_FORK,
			  .reason = GAP_RING_FULL,
			  .from_ns = 50 * WORLD_SECOND,
			  .to_ns = 51 * WORLD_SECOND,
			  .count = 5};
	struct gap unknown = {.reason = GAP_SENSOR_DOWN, .from_ns = 60 * WORLD_SECOND, .to_ns = 61 * WORLD_SECOND};
	struct world w;
	struct client c;
	json_t *event;

	world_init(&w, NULL);
	begin(&w);
	follow(&w, &c, "?filter=proc.name=nothing", NULL);
	world_add(&w, 1, NULL, 0, &gap);
	world_add(&w, 1, NULL, 0, &gap); /* a second sensor */
	assert_int_equal(journal_append_begin(w.journal, 1, &w.appended), 0); /* no event */
	world_add(&w, 1, NULL, 0, &unknown);
	assert_true(client_until_text(&c, "sensor_down"));
	event = event_data(&c, "gap", 0);
	assert_string_equal(text_of(event, "host"), "web-1");
	assert_string_equal(text_of(event, "from"), "2026-11-22T12:00:50.000000000Z");
	assert_string_equal(text_of(event, "to"), "2026-11-22T12:00:51.000000000Z");
	assert_string_equal(text_of(event, "lost_type"), "fork");
	assert_string_equal(text_of(event, "reason"), "ring_full");
	assert_int_equal(json_integer_value(json_object_get(event, "count")), 5);
	json_decref(event);
	event = event_data(&c, "gap", 1);
	assert_true(json_is_null(json_object_get(event, "count")));
	assert_true(json_is_null(json_object_get(event, "lost_type")));
	json_decref(event);
	client_close(&c);
	world_finish(&w);
}

static void test_host_events(void **state)
{
	struct world w;
	struct client c;
	json_t *event;

	world_init(&w, NULL);
	begin(&w);
	follow(&w, &c, "", NULL);
	world_host(&w, 2, "web-2");
	assert_true(client_until_text(&c, "event: host"));
	event = event_data(&c, "host", 0);
	assert_string_equal(text_of(event, "host"), "web-2");
	assert_string_equal(text_of(event, "state"), "live");
	json_decref(event);
	w.links[1].heard_wall_ns = INT64_MIN; /* nobody reports silence: it is noticed */
	assert_true(client_until_text(&c, "\"state\":\"silent\""));
	event = event_data(&c, "host", 1);
	assert_string_equal(text_of(event, "host"), "web-1");
	json_decref(event);
	client_close(&c);
	world_finish(&w);
}

static size_t shard_of(void *owner, const struct boot_id *boot)
{
	(void)owner;
	return boot->octets[0] == 3; /* a shard that is not there, so that whoever looks into it is found out */
}

/* A boot that was forgotten here may have begun anew in its home shard. */
static void test_a_host_that_lives_elsewhere_now_is_not_looked_for(void **state)
{
	struct world w;
	struct client c;

	world_init(&w, NULL);
	begin(&w);
	w.fleet.shard_of = shard_of;
	follow(&w, &c, "", NULL);
	world_host(&w, 3, "web-3");
	world_host(&w, 2, "web-2");
	assert_true(client_until_text(&c, "web-2"));
	assert_int_equal(count(c.data, "event: host"), 1);
	client_close(&c);
	world_finish(&w);
}

static void test_keepalive_carries_the_place(void **state)
{
	struct console_options options = {
	    .server = {.timeouts = {.idle = 60000, .head = 60000, .stall = 60000, .keepalive = 1, .linger = 1000}}};
	struct world w;
	struct client c;

	world_init(&w, &options);
	begin(&w);
	follow(&w, &c, "?filter=nothing", NULL);
	add_process(&w, 50);
	assert_true(client_until_text(&c, ": still here\nid: 3.all\n\n"));
	client_close(&c);
	world_finish(&w);
}

static void test_followers_are_bounded(void **state)
{
	struct console_options options = {.followers_max = 2};
	struct world w;
	struct client a, b;
	int status;
	char *body;

	world_init(&w, &options);
	begin(&w);
	follow(&w, &a, "", NULL);
	follow(&w, &b, "", NULL);
	body = client_get(&w.loop, w.address, "/api/v1/events", &status);
	assert_int_equal(status, 503);
	assert_non_null(strstr(body, "too_many_followers"));
	free(body);
	client_close(&a);
	do {
		body = client_get(&w.loop, w.address, "/api/v1/stats", &status);
		status = strstr(body, "\"followers\":1") != NULL;
		free(body);
	} while (!status);
	follow(&w, &a, "", NULL);
	add_process(&w, 50);
	assert_true(client_until_text(&a, "event: exit"));
	assert_true(client_until_text(&b, "event: exit"));
	client_close(&a);
	world_finish(&w); /* while b follows */
	client_close(&b);
}

/* Who does not read makes nobody wait, and finds everything in the journal later. */
static void test_slow_follower(void **state)
{
	enum { ROUNDS = 300, BATCH = 100 };
	struct world w;
	struct client slow, quick;
	char last[64];

	world_init(&w, NULL);
	begin(&w);
	follow(&w, &slow, "", NULL);
	follow(&w, &quick, "?filter=proc.pid=31050", NULL);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct fact facts[BATCH];

		for (uint32_t k = 0; k < BATCH; k++)
			facts[k] = world_fork(&w, 1100 + round * BATCH + k, 1100 + round * BATCH + k, 1, 1, "p");
		world_add(&w, 1, facts, BATCH, NULL);
	}
	assert_true(client_until_text(&quick, "\"pid\":31050"));
	(void)snprintf(last, sizeof(last), "\"pid\":%d", 1100 + ROUNDS * BATCH - 1);
	assert_null(strstr(slow.data, last));
	assert_true(client_until_text(&slow, last));
	client_close(&slow);
	client_close(&quick);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pushed_as_it_was),
		cmocka_unit_test(test_known_facts_are_not_told_again),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_resume_at_every_event),
		cmocka_unit_test(test_resume_behind_all),
		cmocka_unit_test(test_gap_stands_in_the_stream),
		cmocka_unit_test(test_host_events),
		cmocka_unit_test(test_a_host_that_lives_elsewhere_now_is_not_looked_for),
		cmocka_unit_test(test_keepalive_carries_the_place),
		cmocka_unit_test(test_followers_are_bounded),
		cmocka_unit_test(test_slow_follower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
