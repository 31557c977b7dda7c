/* SPDX-License-Identifier: Apache-2.0 */
/* The routes over a real socket, on a forest that was filled from facts. */
#include "tests/unit/proto/model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/collector/console/client.h"
#include "tests/unit/collector/console/world.h"

#define BOOT1 "01abcd00000000000000000000000000"
#define BOOT2 "02abcd00000000000000000000000000"
#define BOOT3 "03abcd00000000000000000000000000"

/* web-1: 1 init, 10 bash (starts at 10 s), below it 20 curl (exit 22 after 5 s), 30 sleep (lives), 31 sleep (lives,
 * below 30); web-2: 1 init, 20 cron. */
static void fill(struct world *w)
{
	struct fact one[] = {
	    world_fork(w, 1, 1, 0, 0, "init"),
	    world_exec(w, 1, 1, 1, 1, "/sbin/init", "init\0", 5),
	    world_fork(w, 10, 10, 1, 1, "init"),
	    world_exec(w, 10, 10, 10, 1, "/usr/bin/bash", "-bash\0", 6),
	    world_fork(w, 20, 20, 10, 10, "bash"),
	    world_exec(w, 20, 20, 20, 1, "/usr/bin/curl", "curl\0-s\0", 8),
	    world_exit(w, 20, 20, 25, 22),
	    world_fork(w, 30, 30, 10, 10, "bash"),
	    world_exec(w, 30, 30, 30, 1, "/usr/bin/sleep",
		       "sleep\0"
		       "1\0",
		       8),
	    world_fork(w, 31, 31, 30, 30, "sleep"),
	    world_exec(w, 31, 31, 31, 1, "/usr/bin/sleep",
		       "sleep\0"
		       "2\0",
		       8),
	};
	struct fact two[] = {
		world_fork(w, 1, 1, 0, 0, "init"), world_exec(w, 1, 1, 1, 1, "/sbin/init", "init\0", 5),
		world_fork(w, 20, 40, 1, 1, "init"), world_exec(w, 20, 40, 40, 1, "/usr/sbin/cron", "cron\0-f\0", 8),
	};

	world_host(w, 1, "web-1");
	world_host(w, 2, "web-2");
	world_add(w, 1, one, sizeof(one) / sizeof(one[0]), NULL);
	world_add(w, 2, two, sizeof(two) / sizeof(two[0]), NULL);
}

static void check_pids(struct world *w, const char *path, const char *name, const char *pids)
{
	json_t *answer = world_get(w, path, 200);
	const char *got = world_pids(answer, name);

	if (strcmp(got, pids) != 0)
		fail_msg("%s gave '%s', expected '%s'", path, got, pids);
	json_decref(answer);
}

static void check_error(struct world *w, const char *path, int status, const char *code, const char *message)
{
	json_t *answer = world_get(w, path, status), *error = json_object_get(answer, "error");
	const char *got = json_string_value(json_object_get(error, "code")),
		   *text = json_string_value(json_object_get(error, "message"));

	if (!got || !text || strcmp(got, code) != 0 || !strstr(text, message))
		fail_msg("%s: code %s, message %s", path, got ? got : "?", text ? text : "?");
	assert_non_null(json_object_get(error, "hint"));
	json_decref(answer);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("%s is no text", key);
	return text;
}

static long long number_of(const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		fail_msg("%s is no integer", key);
	return (long long)json_integer_value(json_object_get(object, key));
}

/* ---- processes ----------------------------------------------------------------------------------------------- */

static void test_processes(void **state)
{
	struct world w;

	world_init(&w, NULL);
	check_pids(&w, "/api/v1/processes", "processes", "");
	fill(&w);
	check_pids(&w, "/api/v1/processes", "processes", "1 10 20 30 31 1 20");
	check_pids(&w, "/api/v1/processes?filter=proc.name=sleep", "processes", "30 31");
	check_pids(&w, "/api/v1/processes?filter=curl", "processes", "20");
	check_pids(&w, "/api/v1/processes?filter=proc.aname%3Dbash", "processes", "20 30 31");
	check_pids(&w, "/api/v1/processes?filter=proc.aname%5B1%5D%3Dbash+and+proc.alive", "processes", "30");
	check_pids(&w, "/api/v1/processes?filter=host.name%3Dweb-2+and+not+proc.pid%3D1", "processes", "20");
	check_pids(&w, "/api/v1/processes?host=web-2", "processes", "1 20");
	check_pids(&w, "/api/v1/processes?host=02ab", "processes", "1 20");
	check_pids(&w, "/api/v1/processes?host=nowhere", "processes", "");
	check_pids(&w, "/api/v1/processes?filter=nothing", "processes", "");
	check_pids(&w, "/api/v1/processes?until=2026-11-22T12:00:15Z", "processes", "1 10 1");
	check_pids(&w, "/api/v1/processes?since=2026-11-22T12:00:26Z", "processes", "1 10 30 31 1 20");
	check_pids(&w, "/api/v1/processes?since=2026-11-22T12:00:21Z&until=2026-11-22T12:00:22Z", "processes",
		   "1 10 20 1");
	check_pids(&w, "/api/v1/processes?sort=-start", "processes", "20 31 30 20 10 1 1");
	check_pids(&w, "/api/v1/processes?sort=proc.pid&limit=3", "processes", "1 1 10");
	check_pids(&w, "/api/v1/processes?sort=exitcode&limit=1", "processes", "20");
	check_pids(&w, "/api/v1/processes?sort=-name&host=web-1", "processes", "30 31 1 20 10");
	world_finish(&w);
}

/* Follows "next" to the end; fails unless each page but the last is full. */
static void page_through(struct world *w, const char *query, unsigned limit, const char *expected)
{
	char all[256] = "", path[512];
	const char *next = NULL;
	json_t *answer = NULL;

	for (unsigned page = 0; page < 20; page++) {
		json_t *before = answer;

		(void)snprintf(path, sizeof(path), "/api/v1/processes?limit=%u%s%s%s", limit, query,
			       next ? "&cursor=" : "", next ? next : "");
		answer = world_get(w, path, 200);
		json_decref(before);
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", page ? " " : "",
			       world_pids(answer, "processes"));
		if (json_is_null(json_object_get(answer, "next")))
			break;
		assert_int_equal(json_array_size(json_object_get(answer, "processes")), limit);
		next = text_of(answer, "next");
	}
	json_decref(answer);
	assert_string_equal(all, expected);
}

static void test_paging(void **state)
{
	struct world w;

	world_init(&w, NULL);
	fill(&w);
	for (unsigned limit = 1; limit <= 8; limit++) {
		page_through(&w, "", limit, "1 10 20 30 31 1 20");
		page_through(&w, "&sort=-pid", limit, "31 30 20 20 10 1 1");
		page_through(&w, "&sort=tty", limit, "1 10 20 30 31 1 20");
		page_through(&w, "&filter=proc.name=sleep", limit, "30 31");
	}
	world_finish(&w);
}

/* A list of several pages is ranked once: what comes in between is not met, unless the ranking is gone and made anew. */
static void test_ranked_once(void **state)
{
	char path[512];
	struct fact more[1], ended[1];
	json_t *first;
	struct world w;

	world_init(&w, NULL);
	fill(&w);
	first = world_get(&w, "/api/v1/processes?sort=-pid&limit=2", 200);
	assert_string_equal(world_pids(first, "processes"), "31 30");
	more[0] = world_fork(&w, 25, 25, 1, 1, "late");
	world_add(&w, 1, more, 1, NULL);
	(void)snprintf(path, sizeof(path), "/api/v1/processes?sort=-pid&limit=3&cursor=%s", text_of(first, "next"));
	check_pids(&w, path, "processes", "20 20 10");
	check_pids(&w, path, "processes", "25 20 20");
	json_decref(first);

	/* What is no longer true of a process when its page is asked for is not told of it. */
	first = world_get(&w, "/api/v1/processes?sort=-pid&limit=2&filter=proc.alive&host=web-1", 200);
	assert_string_equal(world_pids(first, "processes"), "31 30");
	ended[0] = world_exit(&w, 25, 25, 40, 0);
	world_add(&w, 1, ended, 1, NULL);
	(void)snprintf(path, sizeof(path), "/api/v1/processes?sort=-pid&limit=1&filter=proc.alive&host=web-1&cursor=%s",
		       text_of(first, "next"));
	check_pids(&w, path, "processes", "10");
	json_decref(first);
	world_finish(&w);
}

static void test_errors(void **state)
{
	struct world w;
	json_t *answer;

	world_init(&w, NULL);
	fill(&w);
	check_error(&w, "/api/v1/processes?filter=proc.nmae=x", 400, "bad_filter", "proc.nmae is not a field");
	answer = world_get(&w, "/api/v1/processes?filter=x+and+proc.pid=y", 400);
	assert_int_equal(number_of(json_object_get(answer, "error"), "column"), 16);
	json_decref(answer);
	check_error(&w, "/api/v1/processes?fliter=x", 400, "bad_parameter", "fliter");
	check_error(&w, "/api/v1/processes?limit=0", 400, "bad_parameter", "limit");
	check_error(&w, "/api/v1/processes?limit=10001", 400, "bad_parameter", "limit");
	check_error(&w, "/api/v1/processes?limit=x", 400, "bad_parameter", "limit");
	check_error(&w, "/api/v1/processes?since=soon", 400, "bad_time", "soon");
	check_error(&w, "/api/v1/processes?sort=nothing", 400, "bad_parameter", "sort");
	check_error(&w, "/api/v1/processes?cursor=x", 400, "bad_cursor", "cursor");
	check_error(&w, "/api/v1/processes?cursor=ff000000000000000000000000000000-1-1", 400, "bad_cursor", "cursor");
	check_error(&w, "/api/v1/processes?sort=pid&cursor=" BOOT1 "-1-1", 400, "bad_cursor", "cursor");
	check_error(&w, "/api/v1/tree?exited=perhaps", 400, "bad_parameter", "exited");
	check_error(&w, "/api/v1/tree?at=yesterday", 501, "not_offered", "past");
	check_error(&w, "/api/v1/nothing", 404, "no_such_path", "nothing");
	check_error(&w, "/api/v1/processes/", 404, "no_such_path", "nothing");
	check_error(&w, "/api/v1/processes/web-1:1/other", 404, "no_such_path", "nothing");
	check_error(&w, "/api/v1/processes/x", 400, "bad_id", "identity");
	check_error(&w, "/api/v1/processes/web-1:99", 404, "not_found", "no such process");
	check_error(&w, "/api/v1/processes/web-9:1/lineage", 404, "not_found", "no such process");
	check_error(&w, "/api/v1/events?cursor=x", 400, "bad_cursor", "cursor");
	check_error(&w, "/api/v1/events?cursor=999999.0", 410, "bad_cursor", "ahead");
	check_error(&w, "/api/v1/events?limit=1", 400, "bad_parameter", "limit");
	world_finish(&w);
}

static void test_one_process(void **state)
{
	static const char *const paths[] = {"/api/v1/processes/web-1:20", "/api/v1/processes/web-1%3A20",
					    "/api/v1/processes/" BOOT1 "-20-4a817c800",
					    "/api/v1/processes/01ab-20-4a817c800"};
	struct world w;

	world_init(&w, NULL);
	fill(&w);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		json_t *process = world_get(&w, paths[i], 200), *exit = json_object_get(process, "exit");

		assert_string_equal(text_of(process, "id"), BOOT1 "-20-4a817c800");
		assert_string_equal(text_of(process, "host"), "web-1");
		assert_string_equal(text_of(process, "exe"), "/usr/bin/curl");
		assert_string_equal(text_of(process, "start"), "2026-11-22T12:00:20.000000000Z");
		assert_string_equal(text_of(process, "parent_id"), BOOT1 "-10-2540be400");
		assert_string_equal(text_of(process, "state"), "exited");
		assert_int_equal(json_array_size(json_object_get(process, "argv")), 2);
		assert_int_equal(number_of(exit, "code"), 22);
		assert_true(json_is_null(json_object_get(exit, "signal")));
		assert_int_equal(number_of(process, "duration_ns"), 5 * WORLD_SECOND);
		assert_int_equal(json_array_size(json_object_get(process, "quality")), 0);
		json_decref(process);
	}
	world_finish(&w);
}

static void test_lineage(void **state)
{
	struct world w;
	json_t *answer;

	world_init(&w, NULL);
	fill(&w);
	check_pids(&w, "/api/v1/processes/web-1:31/lineage", "lineage", "1 10 30 31");
	check_pids(&w, "/api/v1/processes/web-1:1/lineage", "lineage", "1");
	answer = world_get(&w, "/api/v1/processes/web-1:20/lineage", 200);
	assert_int_equal(json_array_size(json_object_get(answer, "incomplete")), 0);
	json_decref(answer);
	world_finish(&w);
}

/* ---- tree ---------------------------------------------------------------------------------------------------- */

static void test_tree(void **state)
{
	struct world w;
	json_t *answer, *nodes;

	world_init(&w, NULL);
	check_pids(&w, "/api/v1/tree", "nodes", "");
	fill(&w);
	check_pids(&w, "/api/v1/tree", "nodes", "1 10 30 31 1 20");
	check_pids(&w, "/api/v1/tree?exited=1", "nodes", "1 10 20 30 31 1 20");
	check_pids(&w, "/api/v1/tree?exited", "nodes", "1 10 20 30 31 1 20");
	check_pids(&w, "/api/v1/tree?filter=curl", "nodes", "");
	check_pids(&w, "/api/v1/tree?filter=curl&exited=true", "nodes", "1 10 20");
	check_pids(&w, "/api/v1/tree?filter=proc.pid=31", "nodes", "1 10 30 31");
	check_pids(&w, "/api/v1/tree?filter=proc.pid=10", "nodes", "1 10");
	check_pids(&w, "/api/v1/tree?filter=proc.pid=10&children=1", "nodes", "1 10 30 31");
	check_pids(&w, "/api/v1/tree?filter=proc.pid=10&children=1&exited=1", "nodes", "1 10 20 30 31");
	check_pids(&w, "/api/v1/tree?host=web-2", "nodes", "1 20");
	check_pids(&w, "/api/v1/tree?depth=0", "nodes", "1 1");
	check_pids(&w, "/api/v1/tree?depth=2", "nodes", "1 10 30 1 20");
	answer = world_get(&w, "/api/v1/tree?host=web-1&depth=2&filter=proc.name=sleep", 200);
	nodes = json_object_get(answer, "nodes");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(number_of(json_array_get(nodes, i), "depth"), i);
		assert_int_equal(number_of(json_array_get(nodes, i), "folded"), i == 2);
		assert_int_equal(json_is_true(json_object_get(json_array_get(nodes, i), "match")), i == 2);
	}
	assert_int_equal(json_array_size(json_object_get(answer, "hosts")), 1);
	assert_string_equal(text_of(json_array_get(json_object_get(answer, "hosts"), 0), "host"), "web-1");
	json_decref(answer);
	world_finish(&w);
}

/* Many processes: the answer is made in many pieces, and still each comes once, behind its parent. */
static void test_large_tree(void **state)
{
	enum { COUNT = 20000, BATCH = 400 };
	static bool seen[COUNT + 2];
	struct world w;
	json_t *answer, *node;
	size_t i;

	world_init(&w, NULL);
	world_host(&w, 1, "big");
	memset(seen, 0, sizeof(seen));
	for (uint32_t pid = 1; pid <= COUNT; pid += BATCH) {
		struct fact facts[BATCH];

		for (uint32_t k = 0; k < BATCH; k++)
			facts[k] = world_fork(&w, pid + k, pid + k, (pid + k) / 3, (pid + k) / 3, "p");
		world_add(&w, 1, facts, BATCH, NULL);
	}
	answer = world_get(&w, "/api/v1/tree", 200);
	assert_int_equal(json_array_size(json_object_get(answer, "nodes")), COUNT);
	json_array_foreach(json_object_get(answer, "nodes"), i, node) {
		long long pid = number_of(node, "pid");

		assert_false(seen[pid]);
		assert_true(pid / 3 == 0 || seen[pid / 3]);
		seen[pid] = true;
	}
	json_decref(answer);
	answer = world_get(&w, "/api/v1/processes?limit=10000&sort=-pid", 200);
	assert_int_equal(json_array_size(json_object_get(answer, "processes")), 10000);
	json_array_foreach(json_object_get(answer, "processes"), i, node)
		assert_int_equal(number_of(node, "pid"), COUNT - i);
	json_decref(answer);
	check_pids(&w, "/api/v1/processes?filter=proc.apid%3D6666+and+proc.depth%3E7", "processes",
		   "19998 19999 20000");
	world_finish(&w);
}

/* ---- hosts --------------------------------------------------------------------------------------------------- */

static void test_hosts(void **state)
{
	struct gap gap = {.type = FACT_EXEC,
			  .reason = GAP_RING_FULL,
			  .from_ns = 50 * WORLD_SECOND,
			  .to_ns = 51 * WORLD_SECOND,
			  .count = 9};
	struct world w;
	json_t *answer, *host;

	world_init(&w, NULL);
	fill(&w);
	world_add(&w, 1, NULL, 0, &gap);
	answer = world_get(&w, "/api/v1/hosts", 200);
	host = json_array_get(json_object_get(answer, "hosts"), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "hosts")), 2);
	assert_string_equal(text_of(host, "host"), "web-1");
	assert_string_equal(text_of(host, "boot_id"), BOOT1);
	assert_string_equal(text_of(host, "machine_id"), "01000000000000000000000000000000");
	assert_string_equal(text_of(host, "state"), "live");
	assert_string_equal(text_of(json_object_get(host, "tags"), "env"), "test");
	assert_true(json_real_value(json_object_get(host, "lag_seconds")) == 0.25);
	assert_true(json_real_value(json_object_get(host, "skew_seconds")) == -0.5);
	assert_int_equal(number_of(host, "queue_bytes"), 4096);
	assert_int_equal(number_of(json_object_get(host, "lost"), "exec"), 9);
	assert_int_equal(number_of(json_array_get(json_object_get(host, "gaps"), 0), "count"), 9);
	assert_string_equal(text_of(json_array_get(json_object_get(host, "gaps"), 0), "from"),
			    "2026-11-22T12:00:50.000000000Z");
	assert_int_equal(number_of(host, "live"), 4);
	assert_int_equal(number_of(host, "exited"), 1);
	assert_int_equal(number_of(host, "events_total"), 11);
	json_decref(answer);
	world_finish(&w);
}

static void check_state(struct world *w, const char *state)
{
	json_t *answer = world_get(w, "/api/v1/hosts", 200);

	assert_string_equal(text_of(json_array_get(json_object_get(answer, "hosts"), 0), "state"), state);
	json_decref(answer);
}

static void test_host_states(void **state)
{
	struct fleet_link *link;
	struct world w;
	json_t *answer, *host;

	world_init(&w, NULL);
	world_host(&w, 1, "web-1");
	link = &w.links[1];
	check_state(&w, "live");
	link->catching_up = true;
	check_state(&w, "catching up");
	link->heard_wall_ns -= 2 * 3600 * WORLD_SECOND;
	check_state(&w, "silent");
	link->connected = false;
	link->goodbye = true;
	check_state(&w, "gone");
	*link = (struct fleet_link){.heard_wall_ns = INT64_MIN, .lag_ns = -1};
	check_state(&w, "silent");
	answer = world_get(&w, "/api/v1/hosts", 200);
	host = json_array_get(json_object_get(answer, "hosts"), 0);
	assert_true(json_is_null(json_object_get(host, "lag_seconds")));
	assert_true(json_is_null(json_object_get(host, "skew_seconds")));
	assert_true(json_is_null(json_object_get(host, "queue_bytes")));
	json_decref(answer);
	world_finish(&w);
}

static void check_incomplete(struct world *w, const char *path, const char *reasons)
{
	json_t *answer = world_get(w, path, 200), *note;
	char text[256] = "";
	size_t i;

	json_array_foreach(json_object_get(answer, "incomplete"), i, note)(void)
	    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", i ? " " : "", text_of(note, "host"),
		     text_of(note, "reason"));
	if (strcmp(text, reasons) != 0)
		fail_msg("%s is incomplete for '%s', expected '%s'", path, text, reasons);
	json_decref(answer);
}

static void test_incomplete(void **state)
{
	struct gap gap = {
	    .type = 0, .reason = GAP_SENSOR_DOWN, .from_ns = 50 * WORLD_SECOND, .to_ns = 51 * WORLD_SECOND, .count = 0};
	struct world w;

	world_init(&w, NULL);
	fill(&w);
	check_incomplete(&w, "/api/v1/processes", "");
	world_add(&w, 1, NULL, 0, &gap);
	w.links[2].heard_wall_ns = INT64_MIN;
	check_incomplete(&w, "/api/v1/processes", "web-1:gap web-2:silent");
	check_incomplete(&w, "/api/v1/tree", "web-1:gap web-2:silent");
	check_incomplete(&w, "/api/v1/processes?host=web-2", "web-2:silent");
	check_incomplete(&w, "/api/v1/processes?filter=proc.pid=1+and+host.name=web-1", "web-1:gap");
	check_incomplete(&w, "/api/v1/processes?host=web-1&since=2026-11-22T12:01:00Z", "");
	check_incomplete(&w, "/api/v1/processes?host=web-1&until=2026-11-22T12:00:49Z", "");
	check_incomplete(&w, "/api/v1/processes/web-2:20/lineage", "web-2:silent");
	world_finish(&w);
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

static void test_stats(void **state)
{
	struct world w;
	json_t *answer;

	world_init(&w, NULL);
	fill(&w);
	answer = world_get(&w, "/api/v1/stats", 200);
	assert_int_equal(number_of(json_object_get(answer, "hosts"), "live"), 2);
	assert_int_equal(number_of(json_object_get(answer, "processes"), "live"), 6);
	assert_int_equal(number_of(json_array_get(json_object_get(json_object_get(answer, "journal"), "shards"), 0), "durable"), 4);
	assert_int_equal(number_of(json_object_get(json_object_get(answer, "ingest"), "facts_new_total"), "exit"), 13);
	assert_int_equal(number_of(json_object_get(answer, "console"), "requests_total"), 1);
	json_decref(answer);
	world_finish(&w);
}

/* Every line is a comment or NAME[{LABELS}] VALUE, every family has its head once and before its samples. */
static void check_exposition(const char *text)
{
	char families[128][80];
	size_t count = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		char name[80], rest[400], value[80];
		size_t i = 0;

		assert_non_null(strchr(line, '\n'));
		if (sscanf(line, "# TYPE %79s", name) == 1) {
			while (i < count && strcmp(families[i], name) != 0)
				i++;
			if (i < count || count == 128)
				fail_msg("family %s comes twice", name);
			(void)strcpy(families[count++], name);
		} else if (*line != '#') {
			size_t len = strcspn(line, "{ ");

			assert_true(count > 0 && sscanf(line, "%399[^\n]", rest) == 1 &&
				    sscanf(strrchr(rest, ' '), " %79s", value) == 1);
			if (strncmp(line, families[count - 1], strlen(families[count - 1])) != 0 || len >= sizeof(name))
				fail_msg("'%s' stands below %s", rest, families[count - 1]);
			(void)strtod(value, &(char *){NULL});
		}
	}
}

static void test_metrics(void **state)
{
	static const char *const parts[] = {
	    "# TYPE canopy_collector_events_total counter\n",
	    "canopy_collector_events_total{type=\"exec\",result=\"new\"} 12\n",
	    "canopy_collector_events_total{type=\"exit\",result=\"duplicate\"} 3\n",
	    "canopy_collector_hosts{state=\"live\"} 2\n",
	    "canopy_collector_ingest_latency_seconds_bucket{le=\"0.0005\"} 1\n",
	    "canopy_collector_ingest_latency_seconds_bucket{le=\"5\"} 6\n",
	    "canopy_collector_ingest_latency_seconds_bucket{le=\"+Inf\"} 10\n",
	    "canopy_collector_ingest_latency_seconds_sum 2.5\n",
	    "canopy_collector_ingest_latency_seconds_count 10\n",
	    "canopy_collector_forest_processes{state=\"exited\"} 1\n",
	    "canopy_collector_sink_lag_bytes{sink=\"ndjson\"} 77\n",
	    "canopy_collector_build_info{version=\"" CANOPY_VERSION "\"} 1\n",
	    "process_resident_memory_bytes ",
	};
	const struct gap lost = {.type = FACT_EXEC, .reason = GAP_RECURSION, .from_ns = 1, .to_ns = 2, .count = 5};
	struct console_options without = {.metrics_without_hosts = true};
	struct world w;
	int status;
	char *body;

	world_init(&w, NULL);
	fill(&w);
	world_host(&w, 3, "odd\"\\name");
	world_add(&w, 3, NULL, 0, &lost);
	body = client_get(&w.loop, w.address, "/metrics", &status);
	assert_int_equal(status, 200);
	check_exposition(body);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(body, parts[i]) && strcmp(parts[i], "canopy_collector_hosts{state=\"live\"} 2\n") != 0)
			fail_msg("no '%s' in %s", parts[i], body);
	assert_non_null(strstr(body, "canopy_collector_host_lag_seconds{host=\"web-1\",boot_id=\"" BOOT1 "\"} 0.25\n"));
	assert_non_null(
	    strstr(body, "canopy_sensor_ring_lost_total{host=\"web-2\",boot_id=\"" BOOT2 "\",type=\"fork\"} 7\n"));
	assert_non_null(strstr(body, "{host=\"odd\\\"\\\\name\",boot_id="));
	assert_non_null(strstr(body, "canopy_collector_lost_total{host=\"odd\\\"\\\\name\",boot_id=\"" BOOT3 "\",type=\"exec\",reason=\"recursion\"} 5\n"));
	assert_non_null(strstr(body, "canopy_collector_gaps_total{host=\"odd\\\"\\\\name\",boot_id=\"" BOOT3 "\",reason=\"recursion\"} 1\n"));
	assert_null(strstr(body, "_total{host=\"odd\\\"\\\\name\",boot_id=\"" BOOT3 "\",type=\"fork\",reason")); /* what is not, has no series */
	free(body);
	world_finish(&w);
	world_init(&w, &without);
	fill(&w);
	world_add(&w, 1, NULL, 0, &lost);
	world_add(&w, 2, NULL, 0, &lost);
	body = client_get(&w.loop, w.address, "/metrics", &status);
	check_exposition(body);
	assert_null(strstr(body, "web-1"));
	assert_non_null(strstr(body, "canopy_collector_lost_total{type=\"exec\",reason=\"recursion\"} 10\n"));
	assert_non_null(strstr(body, "canopy_collector_lost_total{type=\"fork\",reason=\"spool_dropped\"} 0\n"));
	assert_non_null(strstr(body, "canopy_collector_gaps_total{reason=\"recursion\"} 2\n"));
	assert_null(strstr(body, "reason=\"filtered\""));
	assert_non_null(strstr(body, "canopy_sensor_ring_lost_total{type=\"fork\"} 14\n"));
	assert_non_null(strstr(body, "canopy_collector_hosts{state=\"live\"} 2\n"));
	assert_non_null(strstr(body, "canopy_collector_host_clock_skew_seconds 0.5\n"));
	free(body);
	world_finish(&w);
}

static void test_health_and_page(void **state)
{
	struct world w;
	int status;
	char *body;

	world_init(&w, NULL);
	body = client_get(&w.loop, w.address, "/livez", &status);
	assert_int_equal(status, 200);
	assert_string_equal(body, "ok\n");
	free(body);
	body = client_get(&w.loop, w.address, "/readyz", &status);
	assert_int_equal(status, 200);
	free(body);
	w.ready = false;
	check_error(&w, "/readyz", 503, "not_ready", "the disk is full");
	body = client_get(&w.loop, w.address, "/", &status);
	assert_int_equal(status, 200);
	assert_non_null(strstr(body, "/api/v1/processes"));
	assert_non_null(strstr(body, "canopy tree"));
	free(body);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_paging),
		cmocka_unit_test(test_ranked_once),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_one_process),
		cmocka_unit_test(test_lineage),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_large_tree),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_host_states),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_health_and_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
