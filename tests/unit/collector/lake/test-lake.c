/* SPDX-License-Identifier: Apache-2.0 */
/* The follower with a real journal and forest on a loop: what was new stands in the lake once, whatever the lake's
 * folder does meanwhile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <uv.h>

#include "canopy/log.h"
#include "collector/lake/lake.h"
#include "proto/batch/encoder.h"
#include "tests/unit/collector/lake/folder.h"

#define WALL_NS 1700000000000000000ll
#define SECOND 1000000000ull
#define PATIENCE_MS 20000 /* for conditions that hold within milliseconds when all is well */

enum log_level log_level = LOG_LEVEL_ERROR;

static struct folder folder;
static char journal_dir[64], lake_spec[128];
static uv_loop_t loop;
static struct journal *journal;
static struct forest *forest;
static struct lake *lake;
static struct batch_encoder *encoder;
static struct boot_id boot = {{1, 2, 3}};
static uint64_t seqs[4];

/* ---- running the loop ------------------------------------------------------------------------------------------ */

static void set_flag(void *owner)
{
	*(bool *)owner = true;
}

static void on_patience(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void on_timer_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

/* Runs the loop until the condition holds; false when it does not within PATIENCE_MS. */
static bool run_until(bool (*holds)(void *), void *argument)
{
	bool over = false, gone = false;
	uv_timer_t timer;

	(void)uv_timer_init(&loop, &timer);
	timer.data = &over;
	(void)uv_timer_start(&timer, on_patience, PATIENCE_MS, 0);
	while (!holds(argument) && !over)
		(void)uv_run(&loop, UV_RUN_ONCE);
	timer.data = &gone;
	uv_close((uv_handle_t *)&timer, on_timer_closed);
	while (!gone)
		(void)uv_run(&loop, UV_RUN_ONCE);
	return !over;
}

static bool is_set(void *flag)
{
	return *(bool *)flag;
}

static bool all_durable(void *position)
{
	return journal_durable(journal) >= *(uint64_t *)position;
}

static struct fleet_sink figures(void)
{
	struct fleet_sink sink = {0};

	assert_int_equal(lake_sinks(lake, &sink, 1), 1);
	return sink;
}

static bool has_failed(void *count)
{
	return figures().failures_total >= *(uint64_t *)count;
}

static bool is_level(void *unused)
{
	return figures().lag_records == 0;
}

static bool has_rows(void *count)
{
	return figures().rows_total >= *(uint64_t *)count;
}

/* ---- the rooms around it --------------------------------------------------------------------------------------- */

static void on_durable(void *owner, uint64_t position, int error)
{
	(void)owner;
	(void)position;
	if (lake && !error)
		lake_wake(lake);
}

static void open_journal(uint64_t segment_bytes, uint64_t retain_bytes)
{
	struct journal_options options = {
		.dir = journal_dir, .segment_bytes = segment_bytes, .retain_bytes = retain_bytes};
	struct seglog_recovery recovery;

	assert_int_equal(journal_open(&journal, &loop, &options, &recovery, NULL), 0);
	journal_on_durable(journal, on_durable, NULL);
}

static void close_journal(void)
{
	bool closed = false;

	journal_close(journal, set_flag, &closed);
	assert_true(run_until(is_set, &closed));
	journal = NULL;
}

static void open_lake(const char *options)
{
	(void)snprintf(lake_spec, sizeof(lake_spec), "ndjson:%s%s", folder.lake, options);
	assert_int_equal(lake_create(&lake, &loop, lake_spec, folder.state, &(struct fleet_shard){.forest = forest, .journal = journal}, NULL), 0);
}

static void close_lake(void)
{
	struct lake *closing = lake;
	bool closed = false;

	lake = NULL;
	lake_close(closing, set_flag, &closed);
	assert_true(run_until(is_set, &closed));
}

static void flush_lake(void)
{
	bool flushed = false;

	assert_int_equal(lake_flush(lake, set_flag, &flushed), 0);
	assert_int_equal(lake_flush(lake, set_flag, &flushed), -EBUSY);
	assert_true(run_until(is_set, &flushed));
}

static int setup(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;

	folder_make(&folder);
	(void)snprintf(journal_dir, sizeof(journal_dir), "%s/journal", folder.path);
	memset(seqs, 0, sizeof(seqs));
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(forest_create(&forest, &options), 0);
	assert_int_equal(batch_encoder_create(&encoder), 0);
	open_journal(0, 0);
	return 0;
}

static int teardown(void **state)
{
	if (lake)
		close_lake();
	close_journal();
	batch_encoder_destroy(encoder);
	forest_destroy(forest);
	assert_int_equal(uv_loop_close(&loop), 0);
	folder_remove(&folder);
	return 0;
}

/* ---- feeding --------------------------------------------------------------------------------------------------- */

static const struct fact_context context = {.ns_pid = 4026531836u};

static struct fact fact_of(enum fact_type type, uint32_t tgid)
{
	return (struct fact){
		.type = type,
		.time_ns = tgid * 1000000ull + (unsigned)type,
		.self = {tgid * 1000000ull, tgid},
		.tid = tgid,
		.ns_tgid = tgid,
		.comm = BYTES_LITERAL("life"),
		.context = &context,
		.exec_seq = type == FACT_EXEC,
		.flags = type == FACT_EXEC ? FACT_EXE_KNOWN | FACT_ARGV_KNOWN : 0,
		.exe = BYTES_LITERAL("/bin/life"),
		.argv = BYTES_LITERAL("life\0"),
		.argv_bytes = 5,
	};
}

/* What ingest does with an encoded batch: join, then append with the verdict. Returns the facts that were new. */
static size_t accept_batch(const uint8_t *data, size_t len)
{
	struct arena arena = ARENA_NULL;
	struct batch batch;
	struct forest_host *host;
	uint8_t verdict[1024] = {0}, gaps[1024] = {0};
	struct journal_verdict told = {.facts = verdict, .gaps = gaps};
	uint64_t position;
	size_t news = 0;

	assert_int_equal(batch_decode(&arena, data, len, &batch, NULL), 0);
	assert_true(batch.fact_count <= sizeof(verdict) * 8);
	assert_int_equal(forest_host_get(forest, &batch.id.boot, &host), 0);
	for (size_t i = 0; i < batch.fact_count; i++) {
		bool new = false;

		assert_int_equal(forest_apply(forest, host, &batch.facts[i], batch.boottime_to_wall_ns, &new), 0);
		if (new) {
			verdict[i / 8] = (uint8_t)(verdict[i / 8] | 1 << i % 8);
			news++;
		}
	}
	for (size_t i = 0; i < batch.gap_count; i++) {
		bool new = false;

		assert_int_equal(forest_apply_gap(forest, host, &batch.gaps[i], &new), 0);
		gaps[i / 8] = (uint8_t)(gaps[i / 8] | new << i % 8);
	}
	told.fact_count = batch.fact_count;
	told.gap_count = batch.gap_count;
	assert_int_equal(journal_append_batch(journal, WALL_NS, bytes_make(data, len), &told, &position), 0);
	arena_finish(&arena);
	assert_true(run_until(all_durable, &position));
	return news;
}

static size_t finish_batch(unsigned stream)
{
	struct batch_id id = {boot, 100 + stream, ++seqs[stream]};
	const uint8_t *data;
	size_t len;

	assert_int_equal(batch_encoder_finish(encoder, &id, WALL_NS, &data, &len), 0);
	return accept_batch(data, len);
}

/* fork, exec and exit of the processes first..last, as the sensor with this stream tells it */
static size_t feed(unsigned stream, uint32_t first, uint32_t last)
{
	size_t news = 0;

	for (uint32_t tgid = first; tgid <= last; tgid++)
		for (int type = FACT_FORK; type <= FACT_EXIT; type++) {
			struct fact fact = fact_of((enum fact_type)type, tgid);
			int r = batch_encoder_add(encoder, &fact);

			if (r == BATCH_E_FULL) {
				news += finish_batch(stream);
				r = batch_encoder_add(encoder, &fact);
			}
			assert_int_equal(r, 0);
		}
	return news + finish_batch(stream);
}

/* ---- what is there --------------------------------------------------------------------------------------------- */

/* The lake holds fork, exec and exit of first..last, each once, and no other facts. Returns the rows of class gap. */
static size_t assert_lives(uint32_t first, uint32_t last)
{
	size_t lives = last + 1, gaps = 0;
	unsigned char(*seen)[5] = calloc(lives, sizeof(*seen));

	assert_non_null(seen);
	folder_list(folder.lake, "*.ndjson.gz");
	for (size_t i = 0; i < folder_count; i++) {
		char *text = folder_read(folder_files[i]);

		assert_non_null(text);
		for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
			json_error_t error;
			json_t *event = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, &error);
			const char *code;
			json_int_t pid = 0;

			assert_non_null(event);
			assert_int_equal(json_unpack(event, "{s:{s:s}, s?{s:I}}", "metadata", "event_code", &code,
						     "process", "pid", &pid),
					 0);
			if (!strcmp(code, "gap")) {
				gaps++;
			} else {
				assert_true((uint32_t)pid >= first && (uint32_t)pid <= last);
				seen[pid][!strcmp(code, "fork")   ? 1
					  : !strcmp(code, "exec") ? 2
					  : !strcmp(code, "exit") ? 3
								  : 4]++;
			}
			json_decref(event);
		}
		free(text);
	}
	for (uint32_t pid = first; pid <= last; pid++)
		for (int type = FACT_FORK; type <= FACT_SNAPSHOT; type++)
			assert_int_equal(seen[pid][type], type != FACT_SNAPSHOT);
	free(seen);
	return gaps;
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void test_follows(void **state)
{
	assert_int_equal(feed(0, 1, 10), 30);
	open_lake("");
	assert_int_equal(feed(0, 11, 20), 30);
	flush_lake();
	assert_int_equal(assert_lives(1, 20), 0);
	assert_true(figures().lag_records == 0);
	assert_true(figures().lag_bytes == 0);
	assert_true(figures().rows_total == 60);
	assert_string_equal(figures().name, lake_spec);
	assert_int_equal(feed(0, 21, 30), 30);
	assert_true(figures().lag_records == 1);
	assert_true(figures().lag_bytes > 0);
	close_lake();
	(void)assert_lives(1, 30);
}

/* A second sensor of the same host, and a batch that comes again, give no row. */
static void test_duplicates(void **state)
{
	open_lake("");
	assert_int_equal(feed(0, 1, 10), 30);
	assert_int_equal(feed(1, 1, 10), 0);
	assert_int_equal(feed(1, 6, 15), 15);
	assert_int_equal(feed(0, 11, 20), 15);
	flush_lake();
	(void)assert_lives(1, 20);
	assert_true(figures().rows_total == 60);
}

static void test_goes_on_after_restart(void **state)
{
	open_lake("");
	(void)feed(0, 1, 10);
	close_lake();
	(void)feed(0, 11, 20);
	close_journal();
	open_journal(0, 0);
	open_lake("");
	(void)feed(0, 21, 30);
	close_lake();
	(void)assert_lives(1, 30);
	open_lake("");
	close_lake();
	(void)assert_lives(1, 30);
}

static void test_interval(void **state)
{
	uint64_t rows = 30;

	open_lake("?interval=100ms");
	(void)feed(0, 1, 10);
	assert_true(run_until(has_rows, &rows));
	(void)assert_lives(1, 10);
	(void)feed(0, 11, 20);
	rows = 60;
	assert_true(run_until(has_rows, &rows));
	(void)assert_lives(1, 20);
}

/* More than one chunk, and files that are full before their time. */
static void test_much(void **state)
{
	open_lake("?bytes=64k");
	assert_int_equal(feed(0, 1, 6000), 18000);
	flush_lake();
	(void)assert_lives(1, 6000);
	assert_true(folder_count > 3);
}

/* The folder is not there: the journal goes on, the lake comes later. */
static void test_out_of_reach(void **state)
{
	char aside[80];
	uint64_t failures = 2;

	(void)snprintf(aside, sizeof(aside), "%s/aside", folder.path);
	open_lake("");
	(void)feed(0, 1, 10);
	flush_lake();
	assert_int_equal(rename(folder.lake, aside), 0);
	assert_int_equal(symlink("/nonexistent/folder", folder.lake), 0);
	(void)feed(0, 11, 20);
	close_lake();
	open_lake("?interval=100ms");
	assert_true(run_until(has_failed, &failures));
	(void)feed(0, 21, 30);
	assert_true(figures().lag_records > 0);
	assert_int_equal(unlink(folder.lake), 0);
	assert_int_equal(rename(aside, folder.lake), 0);
	assert_true(run_until(is_level, NULL));
	(void)assert_lives(1, 30);
}

static void test_closed_while_out_of_reach(void **state)
{
	uint64_t failures = 1;

	assert_int_equal(symlink("/nonexistent/folder", folder.lake), 0);
	open_lake("");
	(void)feed(0, 1, 10);
	assert_true(run_until(has_failed, &failures));
	close_lake();
	assert_int_equal(unlink(folder.lake), 0);
	open_lake("");
	flush_lake();
	(void)assert_lives(1, 10);
}

/* What retention took before the lake came by is told as loss. */
static void test_hole(void **state)
{
	open_lake("");
	(void)feed(0, 1, 10);
	close_lake();
	close_journal();
	open_journal(4096, 4096);
	for (uint32_t life = 0; life < 100; life++)
		(void)feed(0, 1000 + life * 10, 1009 + life * 10);
	assert_true(journal_first(journal) > 2);
	open_lake("");
	flush_lake();
	assert_true(folder_list(folder.lake, "*/class=gap/*.ndjson.gz") == 1);
	assert_true(figures().lag_records == 0);
}

/* What a shell sees of it: zcat and jq know nothing of us. */
static void test_other_readers(void **state)
{
	char command[256], answer[64] = "";
	FILE *pipe;

	if (system("command -v zcat >/dev/null && command -v jq >/dev/null") != 0)
		skip();
	open_lake("");
	(void)feed(0, 1, 10);
	flush_lake();
	(void)snprintf(command, sizeof(command),
		       "find %s -name '*.gz' -exec zcat {} + | jq -s -c '[length, (map(.metadata.uid) | unique | length), "
		       "(map(.type_uid) | unique)]'",
		       folder.lake);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(answer, sizeof(answer), pipe));
	assert_int_equal(pclose(pipe), 0);
	assert_string_equal(answer, "[30,30,[100701,100702]]\n");
}

static void test_gap(void **state)
{
	struct gap gap = {
		.type = FACT_EXEC, .reason = GAP_RING_FULL, .from_ns = SECOND, .to_ns = 2 * SECOND, .count = 3};

	open_lake("");
	assert_int_equal(batch_encoder_add_gap(encoder, &gap), 0);
	(void)feed(0, 1, 5);
	flush_lake();
	assert_int_equal(assert_lives(1, 5), 1);
}

/* Records of a checkpoint are no events: no row, no hole, and the cursor goes beyond them. */
static void test_checkpoint(void **state)
{
	uint64_t begin, position;

	(void)state;
	open_lake("");
	(void)feed(0, 1, 10);
	assert_int_equal(journal_append_begin(journal, WALL_NS, &begin), 0);
	assert_int_equal(
		journal_append_part(journal, JOURNAL_CHECKPOINT_STATE, WALL_NS, BYTES_LITERAL("what it may be"), &position),
		0);
	assert_int_equal(
		journal_append_part(journal, JOURNAL_CHECKPOINT_PROCESSES, WALL_NS, BYTES_LITERAL("or this"), &position), 0);
	(void)feed(0, 11, 20);
	assert_int_equal(journal_append_end(journal, WALL_NS, begin, 2, &position), 0);
	assert_true(run_until(all_durable, &position));
	flush_lake();
	assert_int_equal(assert_lives(1, 20), 0);
	assert_true(figures().lag_records == 0);
	assert_true(figures().rows_total == 60);
	close_lake();
	close_journal();
	open_journal(0, 0);
	open_lake("");
	(void)feed(0, 21, 30);
	close_lake();
	(void)assert_lives(1, 30);
}

static void test_nothing_to_do(void **state)
{
	open_lake("");
	flush_lake();
	assert_true(figures().rows_total == 0);
	assert_int_equal(folder_list(folder.lake, "*.ndjson.gz"), 0);
}

static void test_refused(void **state)
{
	struct lake *none = NULL;
	char *why = NULL;

	assert_int_equal(lake_create(&none, &loop, "ndjson:x?interval=1", folder.state, &(struct fleet_shard){.forest = forest, .journal = journal}, &why),
			 -EINVAL);
	assert_non_null(strstr(why, "interval=1"));
	free(why);
	assert_int_equal(lake_create(&none, &loop, "ndjson:x", "/nonexistent/state", &(struct fleet_shard){.forest = forest, .journal = journal}, &why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/state"));
	free(why);
	open_lake("");
	assert_int_equal(lake_create(&none, &loop, lake_spec, folder.state, &(struct fleet_shard){.forest = forest, .journal = journal}, &why), -EBUSY);
	assert_non_null(strstr(why, folder.lake));
	free(why);
	assert_null(none);
}

#define ON_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LOOP(test_follows),
		ON_LOOP(test_duplicates),
		ON_LOOP(test_goes_on_after_restart),
		ON_LOOP(test_interval),
		ON_LOOP(test_much),
		ON_LOOP(test_out_of_reach),
		ON_LOOP(test_closed_while_out_of_reach),
		ON_LOOP(test_hole),
		ON_LOOP(test_other_readers),
		ON_LOOP(test_gap),
		ON_LOOP(test_checkpoint),
		ON_LOOP(test_nothing_to_do),
		ON_LOOP(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
