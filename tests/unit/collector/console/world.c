/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include "tests/unit/collector/console/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "canopy/log.h"
#include "proto/batch/decoder.h"
#include "proto/batch/encoder.h"
#include "tests/unit/collector/console/client.h"

enum log_level log_level = LOG_LEVEL_ERROR;

static int64_t wall_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct boot_id world_boot(unsigned number)
{
	struct boot_id boot = {{(uint8_t)number, 0xab, 0xcd}};

	return boot;
}

/* ---- what sessions would say --------------------------------------------------------------------------------- */

static void link_of(void *owner, const struct boot_id *boot, struct fleet_link *ret)
{
	struct world *w = owner;

	*ret = w->links[boot->octets[0] % WORLD_HOSTS];
}

static void ingest_of(void *owner, struct fleet_ingest_stats *ret)
{
	struct fleet_ingest_stats stats = {.sessions = 2,
					   .batches_new = 5,
					   .facts_new = {0, 11, 12, 13, 14},
					   .facts_known = {0, 1, 2, 3, 4},
					   .latency_counts = {1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4},
					   .latency_sum = 2.5};

	(void)owner;
	*ret = stats;
}

static size_t sinks_of(void *owner, struct fleet_sink *ret, size_t max)
{
	(void)owner;
	assert_true(max >= 1);
	ret[0] = (struct fleet_sink){.name = "ndjson", .lag_bytes = 77};
	return 1;
}

static bool ready_of(void *owner, const char **ret_why)
{
	*ret_why = "the disk is full";
	return ((struct world *)owner)->ready;
}

static void on_durable(void *owner, uint64_t position, int error)
{
	struct world *w = owner;

	assert_int_equal(error, 0);
	w->durable = position;
	w->all_durable = w->durable >= w->appended;
	console_wake(w->console);
}

static void wait_durable(struct world *w)
{
	w->all_durable = w->durable >= w->appended;
	assert_true(client_run_until(&w->loop, &w->all_durable));
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

void world_init(struct world *w, const struct console_options *options)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct console_options console = options ? *options : (struct console_options){.followers_max = 0};
	struct journal_options journal;
	struct seglog_recovery recovery;
	char *why = NULL;

	*w = (struct world){.ready = true,
			    .dir = "/tmp/canopy-world-XXXXXX",
			    .context = {.uid = 1000,
					.loginuid = FACT_ID_UNKNOWN,
					.session = FACT_ID_UNKNOWN,
					.user = BYTES_LITERAL("ann"),
					.cgroup = BYTES_LITERAL("/user.slice")}};
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(forest_create(&w->forest, &forest), 0);
	journal = (struct journal_options){.dir = w->dir};
	if (journal_open(&w->journal, &w->loop, &journal, &recovery, &why) < 0)
		fail_msg("%s", why);
	w->fleet = (struct fleet){.loop = &w->loop,
				  .shards = {{.forest = w->forest, .journal = w->journal}},
				  .shard_count = 1,
				  .started_wall_ns = wall_now(),
				  .owner = w,
				  .link = link_of,
				  .ingest = ingest_of,
				  .sinks = sinks_of,
				  .ready = ready_of};
	console.server.address = "127.0.0.1:0";
	if (console_create(&w->console, &console, &w->fleet, &why) < 0)
		fail_msg("%s", why);
	journal_on_durable(w->journal, on_durable, w);
	console_address(w->console, w->address, sizeof(w->address));
}

static void on_closed(void *owner)
{
	((struct world *)owner)->closed = true;
}

void world_finish(struct world *w)
{
	char command[128];

	journal_off_durable(w->journal, on_durable, w);
	console_close(w->console, on_closed, w);
	assert_true(client_run_until(&w->loop, &w->closed));
	w->closed = false;
	journal_close(w->journal, on_closed, w);
	assert_true(client_run_until(&w->loop, &w->closed));
	forest_destroy(w->forest);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
}

/* ---- facts --------------------------------------------------------------------------------------------------- */

void world_host(struct world *w, unsigned number, const char *name)
{
	struct tag tags[2] = {{BYTES_LITERAL("env"), BYTES_LITERAL("test")},
			      {BYTES_LITERAL("n"), bytes_from_string(name)}};
	struct hello hello = {.protocol_version = 1,
			      .boot = world_boot(number),
			      .machine_id_known = true,
			      .hostname = bytes_from_string(name),
			      .kernel = BYTES_LITERAL("6.1"),
			      .arch = BYTES_LITERAL("x86_64"),
			      .sensor_version = BYTES_LITERAL("0.1"),
			      .tags = tags,
			      .tag_count = 2,
			      .stream = number,
			      .boottime_to_wall_ns = WORLD_EPOCH,
			      .boottime_ns = 1};
	struct forest_host *host;

	hello.machine_id[0] = (uint8_t)number;
	assert_int_equal(forest_host_get(w->forest, &hello.boot, &host), 0);
	assert_int_equal(forest_host_describe(w->forest, host, &hello), 0);
	w->links[number % WORLD_HOSTS] = (struct fleet_link){
	    .connected = true,
	    .sessions = 1,
	    .heard = true,
	    .heard_wall_ns = wall_now() + 3600 * WORLD_SECOND,
	    .skew_ns = -WORLD_SECOND / 2,
	    .lag_ns = WORLD_SECOND / 4,
	    .heartbeat = {.queue_bytes = 4096, .lost_fork = 7, .facts_exec = 9, .boottime_to_wall_ns = WORLD_EPOCH}};
	assert_int_equal(journal_append_host(w->journal, wall_now(), &hello, &w->appended), 0);
	wait_durable(w);
}

static struct fact fact_of(struct world *w, enum fact_type type, uint32_t pid, uint32_t start, uint32_t at)
{
	return (struct fact){.type = type,
			     .time_ns = at * (uint64_t)WORLD_SECOND,
			     .self = {.tgid = pid, .start_ns = start * (uint64_t)WORLD_SECOND},
			     .tid = pid,
			     .ns_tgid = pid,
			     .pgid = pid,
			     .sid = 1,
			     .context = &w->context};
}

struct fact world_fork(struct world *w, uint32_t pid, uint32_t start, uint32_t ppid, uint32_t pstart, const char *comm)
{
	struct fact fact = fact_of(w, FACT_FORK, pid, start, start);

	fact.parent = fact.creator = (struct process_key){.tgid = ppid, .start_ns = pstart * (uint64_t)WORLD_SECOND};
	fact.comm = bytes_from_string(comm);
	return fact;
}

struct fact world_exec(struct world *w, uint32_t pid, uint32_t start, uint32_t at, uint32_t seq, const char *exe,
		       const char *argv, size_t argv_len)
{
	struct fact fact = fact_of(w, FACT_EXEC, pid, start, at);
	const char *slash = strrchr(exe, '/');

	fact.exec_seq = seq;
	fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	fact.comm = bytes_from_string(slash ? slash + 1 : exe);
	fact.exe = bytes_from_string(exe);
	fact.cwd = BYTES_LITERAL("/tmp");
	fact.argv = bytes_make(argv, argv_len);
	fact.argv_bytes = argv_len;
	return fact;
}

struct fact world_exit(struct world *w, uint32_t pid, uint32_t start, uint32_t at, int code)
{
	struct fact fact = fact_of(w, FACT_EXIT, pid, start, at);

	fact.exit = (struct fact_exit){.code = code, .read_bytes = UINT64_MAX, .written_bytes = UINT64_MAX};
	return fact;
}

static struct bytes encode(struct batch_encoder *encoder, struct world *w, unsigned host, const struct fact *facts,
			   size_t count, const struct gap *gap)
{
	struct batch_id id = {.boot = world_boot(host), .stream = host + 1, .seq = ++w->seq};
	const uint8_t *data;
	size_t len;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(batch_encoder_add(encoder, &facts[i]), 0);
	if (gap)
		assert_int_equal(batch_encoder_add_gap(encoder, gap), 0);
	assert_int_equal(batch_encoder_finish(encoder, &id, WORLD_EPOCH, &data, &len), 0);
	return bytes_make(data, len);
}

/* A bit for each fact, and for each gap. */
static void join(struct world *w, const struct batch *batch, uint8_t *verdict, uint8_t *gaps)
{
	struct forest_host *host;
	bool fresh;

	assert_int_equal(forest_host_get(w->forest, &batch->id.boot, &host), 0);
	for (size_t i = 0; i < batch->fact_count; i++) {
		assert_int_equal(forest_apply(w->forest, host, &batch->facts[i], batch->boottime_to_wall_ns, &fresh),
				 0);
		verdict[i / 8] |= (uint8_t)(fresh << i % 8);
	}
	for (size_t i = 0; i < batch->gap_count; i++) {
		assert_int_equal(forest_apply_gap(w->forest, host, &batch->gaps[i], &fresh), 0);
		gaps[i / 8] |= (uint8_t)(fresh << i % 8);
	}
}

void world_add(struct world *w, unsigned host, const struct fact *facts, size_t count, const struct gap *gap)
{
	struct arena arena = ARENA_NULL;
	struct batch_encoder *encoder;
	uint8_t verdict[128] = {0}, gaps[128] = {0};
	struct journal_verdict told = {verdict, gaps, count, gap != NULL};
	struct batch batch;
	struct bytes data;

	assert_int_equal(batch_encoder_create(&encoder), 0);
	data = encode(encoder, w, host, facts, count, gap);
	assert_int_equal(batch_decode(&arena, (const uint8_t *)data.data, data.len, &batch, NULL), 0);
	assert_int_equal(batch.fact_count, count);
	join(w, &batch, verdict, gaps);
	assert_int_equal(journal_append_batch(w->journal, wall_now(), data, &told, &w->appended), 0);
	batch_encoder_destroy(encoder);
	arena_finish(&arena);
	wait_durable(w);
}

/* ---- asking -------------------------------------------------------------------------------------------------- */

json_t *world_get(struct world *w, const char *path, int status)
{
	json_error_t error;
	json_t *answer;
	int got;
	char *body = client_get(&w->loop, w->address, path, &got);

	answer = json_loads(body, JSON_REJECT_DUPLICATES, &error);
	if (!answer || got != status)
		fail_msg("%s: status %d, %s: %.2000s", path, got, answer ? "JSON" : error.text, body);
	free(body);
	return answer;
}

const char *world_pids(const json_t *answer, const char *name)
{
	static char text[1024];
	const json_t *list = json_object_get(answer, name), *item;
	size_t i, len = 0;

	assert_true(json_is_array(list));
	text[0] = '\0';
	json_array_foreach(list, i, item) len +=
	    (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld", i ? " " : "",
			     (long long)json_integer_value(json_object_get(item, "pid")));
	return text;
}
