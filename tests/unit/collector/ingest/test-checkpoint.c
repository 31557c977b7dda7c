/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints with the real forest and the real journal: whoever begins to read at one knows the living, the hosts and
 * the streams like one who has read everything; also when the writer was killed in the midst of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/collector/forest/grow.h"

#include "collector/ingest/apply.h"
#include "collector/ingest/checkpoint.h"
#include "collector/ingest/replay.h"
#include "proto/seglog/format.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

#define SEGMENT_BYTES (8u * 1024) /* a history fills several */
#define BATCH_ITEMS 8u
#define STREAM 77u
#define EVERYTHING UINT64_MAX

/* What ingest is made of. */
struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct streams streams;
	struct links links;
	struct checkpoint checkpoint;
	struct batch_encoder *encoder;
	uint64_t seqs[HISTORY_HOSTS];
	uint64_t appended;
	uint64_t kill_at; /* parts of one checkpoint; 0 = never */
	uint64_t segment_bytes; /* 0 = SEGMENT_BYTES */
	size_t pending_most;    /* behind a slice */
	bool closed;
};

static void on_durable(void *owner, uint64_t position, int error)
{
	struct rig *rig = owner;

	assert_int_equal(error, 0);
	checkpoint_turn(&rig->checkpoint, position);
	if (journal_pending_bytes(rig->journal) > rig->pending_most)
		rig->pending_most = journal_pending_bytes(rig->journal);
	if (rig->kill_at && rig->checkpoint.active && rig->checkpoint.parts >= rig->kill_at)
		(void)kill(getpid(), SIGKILL);
}

static void open_rooms(struct rig *rig, uint64_t retain_bytes)
{
	struct journal_options options = {
	    .dir = rig->folder.path, .segment_bytes = rig->segment_bytes ? rig->segment_bytes : SEGMENT_BYTES, .retain_bytes = retain_bytes};
	struct seglog_recovery recovery;

	assert_int_equal(forest_create(&rig->forest, &FOREST_OPTIONS_DEFAULT), 0);
	assert_int_equal(journal_open(&rig->journal, &rig->loop, &options, &recovery, NULL), 0);
	streams_init(&rig->streams);
	links_init(&rig->links);
	checkpoint_init(&rig->checkpoint, rig->forest, rig->journal, &rig->streams, &rig->links);
}

static void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static void close_rooms(struct rig *rig)
{
	journal_off_durable(rig->journal, on_durable, rig);
	checkpoint_finish(&rig->checkpoint);
	rig->closed = false;
	journal_close(rig->journal, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	links_finish(&rig->links);
	streams_finish(&rig->streams);
	forest_destroy(rig->forest);
}

static struct replay_counts reopen(struct rig *rig, uint64_t retain_bytes, uint64_t history_bytes)
{
	struct replay_counts counts;

	open_rooms(rig, retain_bytes);
	assert_int_equal(replay_journal(rig->journal, rig->forest, &rig->streams, &rig->links, history_bytes, &counts),
			 0);
	check_forest(rig->forest);
	return counts;
}

static struct rig make_rig(void)
{
	struct rig rig = {.appended = 0};

	assert_int_equal(folder_make(&rig.folder), 0);
	return rig;
}

static void start(struct rig *rig, uint64_t retain_bytes)
{
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	assert_int_equal(batch_encoder_create(&rig->encoder), 0);
	open_rooms(rig, retain_bytes);
	journal_on_durable(rig->journal, on_durable, rig);
	checkpoint_recovered(&rig->checkpoint, NULL);
}

static void stop(struct rig *rig)
{
	close_rooms(rig);
	batch_encoder_destroy(rig->encoder);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
}

/* ---- feeding ----------------------------------------------------------------------------------------------------- */

static bool is_durable(void *owner)
{
	struct rig *rig = owner;

	return journal_durable(rig->journal) >= rig->appended && !rig->checkpoint.active;
}

static void accept_hello(struct rig *rig, const struct item *item)
{
	struct boot_id boot = grow_boot(item->host);
	struct hello hello = item->hello;
	struct forest_host *host;
	struct link *link;

	hello.boot = boot;
	assert_int_equal(forest_host_get(rig->forest, &boot, &host), 0);
	assert_int_equal(forest_host_describe(rig->forest, host, &hello), 0);
	assert_int_equal(links_get(&rig->links, &boot, &link), 0);
	assert_int_equal(journal_append_host(rig->journal, 1, &hello, &rig->appended), 0);
}

static void accept_batch(struct rig *rig, struct bytes data)
{
	uint8_t facts[64] = {0}, gaps[64] = {0};
	struct apply_verdict verdict = {facts, gaps};
	struct apply_counts counts = {0};
	struct arena arena = ARENA_NULL;
	struct stream_entry *entry;
	struct forest_host *host;
	struct batch batch;

	assert_int_equal(batch_decode(&arena, (const uint8_t *)data.data, data.len, &batch, NULL), 0);
	assert_int_equal(forest_host_get(rig->forest, &batch.id.boot, &host), 0);
	assert_int_equal(streams_get(&rig->streams, &batch.id.boot, batch.id.stream, &entry), 0);
	apply_batch(rig->forest, host, &batch, &verdict, &counts);
	assert_int_equal(journal_append_batch(rig->journal, 1, data,
					      &(struct journal_verdict){facts, gaps, batch.fact_count, batch.gap_count},
					      &rig->appended),
			 0);
	stream_take(entry, batch.id.seq, apply_newest(&batch));
	arena_finish(&arena);
}

static void add_item(struct rig *rig, const struct item *item)
{
	if (item->type == ITEM_FACT)
		assert_int_equal(batch_encoder_add(rig->encoder, &item->fact), 0);
	else if (item->type == ITEM_GAP)
		assert_int_equal(batch_encoder_add_gap(rig->encoder, &item->gap), 0);
	else
		assert_int_equal(batch_encoder_add_snapshot(rig->encoder, &item->mark), 0);
}

/* Items of one host and clock go into one batch. Returns the index behind the last one taken. */
static size_t feed_batch(struct rig *rig, const struct history *history, size_t at)
{
	const struct item *first = &history->items[at];
	struct batch_id id = {.boot = grow_boot(first->host), .stream = STREAM, .seq = ++rig->seqs[first->host]};
	const uint8_t *data;
	size_t len, end = at;

	for (; end < history->count && end - at < BATCH_ITEMS; end++) {
		const struct item *item = &history->items[end];

		if (item->type == ITEM_HELLO || item->host != first->host || item->offset != first->offset)
			break;
		add_item(rig, item);
	}
	assert_int_equal(batch_encoder_finish(rig->encoder, &id, first->offset, &data, &len), 0);
	accept_batch(rig, bytes_make(data, len));
	return end;
}

static void feed(struct rig *rig, const struct history *history)
{
	for (size_t at = 0; at < history->count;) {
		if (history->items[at].type == ITEM_HELLO)
			accept_hello(rig, &history->items[at++]);
		else
			at = feed_batch(rig, history, at);
		/* a turn of the loop, so that checkpoints are written between batches */
		(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	}
	assert_true(loop_until(&rig->loop, is_durable, rig));
}

/* ---- what must be known ------------------------------------------------------------------------------------------ */

/* The living, and of each host what stands beside them. */
static struct json known(const struct rig *rig)
{
	struct json out = grow_dump_living(rig->forest);

	for (unsigned i = 0; i < HISTORY_HOSTS; i++) {
		struct boot_id boot = grow_boot(i);
		struct forest_host *host = forest_host_find(rig->forest, &boot);
		const struct stream_entry *entry = streams_find(&rig->streams, &boot, STREAM);
		struct forest_host_info info;

		if (!host)
			continue;
		forest_host_info(host, &info);
		json_string(&out, info.hostname);
		json_bool(&out, info.rebooted);
		json_uint(&out, info.live);
		json_uint(&out, info.gap_count);
		for (unsigned type = 0; type < 5; type++) {
			json_uint(&out, info.facts[type]);
			json_uint(&out, info.lost[type]);
		}
		json_uint(&out, info.last_fact_ns);
		json_uint(&out, (uint64_t)info.first_seen_wall_ns);
		json_uint(&out, entry ? entry->next : 0);
		json_uint(&out, entry ? entry->first : 0);
		json_uint(&out, entry ? entry->last_ns : 0);
		out.comma = false;
		json_raw(&out, "\n", 1);
	}
	assert_false(out.failed);
	return out;
}

static void expect_known(const struct rig *rig, const struct json *expected, uint64_t seed)
{
	struct json got = known(rig);

	grow_expect_same(expected, &got, seed);
	json_finish(&got);
}

static void a_checkpoint_is_as_good_as_everything_before(void **state)
{
	uint64_t written = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct replay_counts counts;
		struct history history;
		struct rig rig = make_rig();
		struct json expected;

		history_make(&history, seed);
		start(&rig, 0);
		feed(&rig, &history);
		assert_true(rig.checkpoint.written >= 1);
		written += rig.checkpoint.written;
		assert_int_equal(rig.checkpoint.failures, 0);
		expected = known(&rig);
		close_rooms(&rig);

		counts = reopen(&rig, 0, 0);
		assert_true(counts.from > 1 && counts.from == counts.checkpoint.begin);
		assert_true(counts.restored > 0);
		assert_int_equal(counts.holes, 0);
		expect_known(&rig, &expected, seed);
		close_rooms(&rig);

		counts = reopen(&rig, 0, EVERYTHING);
		assert_int_equal(counts.from, 1);
		expect_known(&rig, &expected, seed);
		stop(&rig);
		json_finish(&expected);
		free(history.items);
		folder_remove(&rig.folder);
	}
	assert_true(written > 10); /* some stood before others */
}

static void retention_leaves_what_the_living_need(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct boot_id boot = grow_boot(0);
		struct replay_counts counts;
		struct stream_entry *entry;
		struct history history;
		struct rig rig = make_rig();
		struct json expected;

		history_make(&history, seed);
		start(&rig, 1);
		feed(&rig, &history);
		assert_true(journal_first(rig.journal) > 1);
		assert_true(journal_first(rig.journal) <= rig.checkpoint.newest.begin);
		expected = known(&rig);
		close_rooms(&rig);
		counts = reopen(&rig, 1, 0);
		assert_true(counts.from > 1);
		expect_known(&rig, &expected, seed);
		/* whatever was taken is still a duplicate */
		entry = streams_find(&rig.streams, &boot, STREAM);
		assert_non_null(entry);
		for (uint64_t seq = 1; seq <= rig.seqs[0]; seq++)
			assert_int_equal(stream_judge(entry, seq, 1), STREAM_DUPLICATE);
		assert_int_equal(stream_judge(entry, rig.seqs[0] + 1, 1), STREAM_NEW);
		stop(&rig);
		json_finish(&expected);
		free(history.items);
		folder_remove(&rig.folder);
	}
}

/* The child writes and dies; what it has left behind is read both ways. */
static bool dies_at(struct rig *rig, const struct history *history, uint64_t parts)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		rig->kill_at = parts;
		start(rig, 0);
		feed(rig, history);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void a_checkpoint_without_its_end_counts_for_nothing(void **state)
{
	unsigned killed = 0, incomplete = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct replay_counts counts;
		struct history history;
		struct rig rig = make_rig();
		struct json expected;

		history_make(&history, seed);
		killed += dies_at(&rig, &history, seed % 6 + 1);
		assert_int_equal(uv_loop_init(&rig.loop), 0);
		assert_int_equal(batch_encoder_create(&rig.encoder), 0);
		(void)reopen(&rig, 0, EVERYTHING);
		expected = known(&rig);
		close_rooms(&rig);
		counts = reopen(&rig, 0, 0);
		incomplete += counts.checkpoint.begin == 0;
		expect_known(&rig, &expected, seed);
		stop(&rig);
		json_finish(&expected);
		free(history.items);
		folder_remove(&rig.folder);
	}
	assert_int_equal(killed, 12);
	assert_true(incomplete > 0);
}

static void flip_byte(const char *dir, uint64_t segment, off_t offset)
{
	char path[4096];
	uint8_t byte;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%020llu.seg", dir, (unsigned long long)segment);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	assert_int_equal(close(fd), 0);
}

static void a_damaged_checkpoint_makes_room_for_the_one_before(void **state)
{
	struct replay_counts counts;
	struct history history;
	struct rig rig = make_rig();
	struct json expected;
	uint64_t newest;

	(void)state;
	history_make(&history, 3);
	start(&rig, 0);
	while (rig.checkpoint.written < 2)
		feed(&rig, &history); /* told again the facts are known, but the journal grows */
	expected = known(&rig);
	newest = rig.checkpoint.newest.begin;
	close_rooms(&rig);
	flip_byte(rig.folder.path, newest, 1024 + 24 + 16 + 24 + 40); /* in its first part */
	counts = reopen(&rig, 0, 0);
	assert_true(counts.checkpoint.begin < newest);
	assert_true(counts.checkpoint.begin > 0);
	expect_known(&rig, &expected, 3);
	stop(&rig);
	json_finish(&expected);
	free(history.items);
	folder_remove(&rig.folder);
}

/* What a part of nobody's checkpoint has in it does not matter. */
static void fill_journal(struct rig *rig, size_t bytes)
{
	static char body[64 * 1024];

	for (size_t len; bytes > 0; bytes -= len) {
		len = bytes < sizeof(body) ? bytes : sizeof(body);
		assert_int_equal(journal_append_part(rig->journal, JOURNAL_CHECKPOINT_PROCESSES, 1, bytes_make(body, len), &rig->appended), 0);
	}
}

static bool has_caught_up(void *owner)
{
	struct rig *rig = owner;

	return journal_durable(rig->journal) >= rig->appended;
}

static void what_waits_for_the_disk_starves_no_checkpoint(void **state)
{
	struct rig rig = make_rig();
	struct item hello = {.type = ITEM_HELLO, .hello = {.hostname = BYTES_LITERAL("busy")}};

	(void)state;
	start(&rig, 0);
	journal_off_durable(rig.journal, on_durable, &rig);
	accept_hello(&rig, &hello);
	fill_journal(&rig, 2 * SEGMENT_BYTES);
	assert_true(loop_until(&rig.loop, has_caught_up, &rig));
	fill_journal(&rig, 2 * CHECKPOINT_PENDING_MAX); /* most of it waits until the loop turns */
	checkpoint_turn(&rig.checkpoint, 0);
	assert_true(rig.checkpoint.active);
	assert_int_equal(rig.checkpoint.parts, 0); /* the disk comes first */
	rig.appended = rig.checkpoint.begin;
	assert_true(loop_until(&rig.loop, has_caught_up, &rig));
	fill_journal(&rig, 2 * CHECKPOINT_PENDING_MAX);
	checkpoint_turn(&rig.checkpoint, 0);
	assert_int_not_equal(rig.checkpoint.parts, 0); /* but not for ever */
	journal_on_durable(rig.journal, on_durable, &rig);
	assert_true(loop_until(&rig.loop, is_durable, &rig));
	assert_true(rig.checkpoint.written >= 1);
	stop(&rig);
	folder_remove(&rig.folder);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

#define LARGE_SEGMENT (4u << 20)
#define SECOND 1000000000ull

static const struct fact_context nobody = {.uid = 1};

static bool apply_fact(struct rig *rig, unsigned host_number, const struct fact *fact)
{
	struct boot_id boot = grow_boot(host_number);
	struct forest_host *host;
	bool news;

	assert_int_equal(forest_host_get(rig->forest, &boot, &host), 0);
	assert_int_equal(forest_apply(rig->forest, host, fact, 0, &news), 0);
	return news;
}

/* Processes whose execs have nothing in common. */
struct giants {
	uint32_t count, execs;
	uint32_t argv_bytes, path_bytes;
};

/* One argument, of which no two are alike. */
static void write_text(char *text, uint32_t len, uint32_t tgid, uint32_t exec)
{
	memset(text, 'a', len);
	text[snprintf(text, len, "%u-%u", tgid, exec)] = '-';
	(void)snprintf(text + len - 32, 32, "-%u-%u", tgid, exec);
}

/* Returns how many facts were news. */
static unsigned tell_giants(struct rig *rig, const struct giants *giants)
{
	char *argv = malloc(giants->argv_bytes), *path = malloc(giants->path_bytes);
	unsigned news = 0;

	assert_true(argv && path);
	for (uint32_t i = 0; i < giants->count * giants->execs; i++) {
		uint32_t tgid = i / giants->execs + 1, exec = i % giants->execs + 1;
		struct fact fact = {.type = FACT_EXEC,
				    .flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN,
				    .time_ns = tgid * 100 * SECOND + exec * SECOND,
				    .self = {tgid * 100 * SECOND, tgid},
				    .exec_seq = exec,
				    .argv = bytes_make(argv, giants->argv_bytes),
				    .argv_bytes = giants->argv_bytes,
				    .exe = bytes_make(path, giants->path_bytes),
				    .cwd = bytes_make(path, giants->path_bytes),
				    .context = &nobody};

		write_text(argv, giants->argv_bytes, tgid, exec);
		write_text(path, giants->path_bytes, tgid, exec);
		news += apply_fact(rig, 0, &fact);
	}
	free(argv);
	free(path);
	return news;
}

static bool is_written(void *owner)
{
	struct rig *rig = owner;

	return !rig->checkpoint.active && rig->checkpoint.written > 0;
}

/* Until one is due, and it is complete though nobody else writes. */
static void let_one_be_written(struct rig *rig)
{
	fill_journal(rig, rig->segment_bytes + 64 * 1024);
	assert_true(loop_until(&rig->loop, is_written, rig));
	assert_int_equal(rig->checkpoint.failures, 0);
	assert_int_equal(rig->checkpoint.written, 1);
}

static void expect_giants_in_checkpoint(const struct giants *giants, size_t node_bytes)
{
	struct rig rig = make_rig();
	struct replay_counts counts;

	rig.segment_bytes = LARGE_SEGMENT;
	start(&rig, 0);
	assert_int_equal(tell_giants(&rig, giants), giants->count * giants->execs);
	rig.pending_most = 0;
	let_one_be_written(&rig);
	assert_true(rig.pending_most <= CHECKPOINT_PENDING_MAX + node_bytes + (CHECKPOINT_BATCHES + 1) * BATCH_BYTES_MAX);
	close_rooms(&rig);
	counts = reopen(&rig, 0, 0);
	assert_true(counts.from > 1 && counts.restored >= (uint64_t)giants->count * giants->execs);
	assert_int_equal(tell_giants(&rig, giants), 0);
	stop(&rig);
	folder_remove(&rig.folder);
}

static void processes_with_much_to_tell_end_a_slice(void **state)
{
	const struct giants giants = {.count = 40, .execs = 64, .argv_bytes = 32 * 1024, .path_bytes = 4096};

	(void)state;
	expect_giants_in_checkpoint(&giants, 64 * 40 * 1024);
}

static void no_process_tells_more_than_a_slice_has_room_for(void **state)
{
	const struct giants giants = {.count = 2, .execs = 64, .argv_bytes = 1 << 20, .path_bytes = 2 << 20};

	(void)state;
	expect_giants_in_checkpoint(&giants, FOREST_SAVED_NODE_MAX);
}

/* Neither before it has begun nor in its midst. */
static void a_full_journal_is_waited_for(void **state)
{
	struct rig rig = make_rig();
	struct item hello = {.type = ITEM_HELLO, .hello = {.hostname = BYTES_LITERAL("busy")}};
	uint64_t parts;

	(void)state;
	rig.segment_bytes = LARGE_SEGMENT;
	start(&rig, 0);
	journal_off_durable(rig.journal, on_durable, &rig);
	accept_hello(&rig, &hello);
	fill_journal(&rig, 2 * LARGE_SEGMENT);
	assert_true(loop_until(&rig.loop, has_caught_up, &rig));
	fill_journal(&rig, SEGLOG_PENDING_MAX - 128 * 1024);
	checkpoint_turn(&rig.checkpoint, 0);
	assert_false(rig.checkpoint.active);
	assert_true(loop_until(&rig.loop, has_caught_up, &rig));
	fill_journal(&rig, 2 * CHECKPOINT_PENDING_MAX);
	checkpoint_turn(&rig.checkpoint, 0);
	assert_true(rig.checkpoint.active);
	parts = rig.checkpoint.parts;
	fill_journal(&rig, SEGLOG_PENDING_MAX - 2 * CHECKPOINT_PENDING_MAX - 128 * 1024);
	checkpoint_turn(&rig.checkpoint, 0);
	assert_true(rig.checkpoint.active);
	assert_int_equal(rig.checkpoint.parts, parts);
	journal_on_durable(rig.journal, on_durable, &rig);
	assert_true(loop_until(&rig.loop, is_written, &rig));
	assert_int_equal(rig.checkpoint.failures, 0);
	stop(&rig);
	folder_remove(&rig.folder);
}

/* Else one of many small hosts would take itself for what others write. */
static void every_byte_of_it_is_counted(void **state)
{
	struct rig rig = make_rig();
	uint64_t bytes;

	(void)state;
	rig.segment_bytes = LARGE_SEGMENT;
	start(&rig, 0);
	for (unsigned i = 0; i < 200; i++) {
		struct item hello = {.type = ITEM_HELLO, .host = i, .hello = {.hostname = BYTES_LITERAL("one-of-many")}};
		struct fact fact = {.type = FACT_EXEC, .time_ns = SECOND, .self = {SECOND, 7}, .context = &nobody};

		accept_hello(&rig, &hello);
		(void)apply_fact(&rig, i, &fact);
	}
	let_one_be_written(&rig);
	bytes = rig.checkpoint.newest.bytes;
	assert_int_equal(bytes, journal_bytes_from(rig.journal, rig.checkpoint.newest.begin) - FORMAT_DATA_OFFSET);
	close_rooms(&rig);
	assert_int_equal(reopen(&rig, 0, 0).checkpoint.bytes, bytes);
	stop(&rig);
	folder_remove(&rig.folder);
}

/* Passing over them takes longer than a slice, and appends nothing. */
static void the_dead_hold_no_checkpoint_up(void **state)
{
	struct rig rig = make_rig();
	struct fact fact = {.type = FACT_EXIT, .context = &nobody, .time_ns = SECOND};

	(void)state;
	rig.segment_bytes = LARGE_SEGMENT;
	start(&rig, 0);
	for (uint32_t i = 1; i <= 400000; i++) {
		fact.self = (struct process_key){i, i};
		(void)apply_fact(&rig, 0, &fact);
	}
	fact.type = FACT_EXEC;
	fact.time_ns = 100 * SECOND; /* the others ended long before */
	fact.self.start_ns = 90 * SECOND;
	(void)apply_fact(&rig, 0, &fact);
	let_one_be_written(&rig);
	assert_int_equal(rig.checkpoint.newest.end - rig.checkpoint.newest.begin, 4); /* two states and the one who lives */
	stop(&rig);
	folder_remove(&rig.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_checkpoint_is_as_good_as_everything_before),
	    cmocka_unit_test(retention_leaves_what_the_living_need),
	    cmocka_unit_test(a_checkpoint_without_its_end_counts_for_nothing),
	    cmocka_unit_test(what_waits_for_the_disk_starves_no_checkpoint),
	    cmocka_unit_test(a_damaged_checkpoint_makes_room_for_the_one_before),
	    cmocka_unit_test(processes_with_much_to_tell_end_a_slice),
	    cmocka_unit_test(no_process_tells_more_than_a_slice_has_room_for),
	    cmocka_unit_test(a_full_journal_is_waited_for),
	    cmocka_unit_test(every_byte_of_it_is_counted),
	    cmocka_unit_test(the_dead_hold_no_checkpoint_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
