/* SPDX-License-Identifier: Apache-2.0 */
/* pwrite and fdatasync are replaced at link time (--wrap) and fail on demand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "collector/journal/journal.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"

#define FACTS 11u

static int write_error, sync_error;

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	int error = __atomic_load_n(&write_error, __ATOMIC_RELAXED);

	if (!error)
		return __real_pwrite64(fd, data, len, offset);
	errno = error;
	return -1;
}

int __wrap_fdatasync(int fd)
{
	int error = __atomic_load_n(&sync_error, __ATOMIC_RELAXED);

	if (!error)
		return __real_fdatasync(fd);
	errno = error;
	return -1;
}

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct journal *journal;
	struct journal_options options;
	struct batches batches;
	struct arena arena;
	bool closed;
	/* What the listener has heard. */
	uint64_t durable;
	int error;
	unsigned calls, errors;
};

static void on_durable(void *owner, uint64_t position, int error)
{
	struct rig *rig = owner;

	assert_true(position >= rig->durable);
	rig->durable = position;
	rig->error = error;
	rig->calls++;
	rig->errors += error != 0;
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	write_error = sync_error = 0;
	*state = rig;
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0)
		return -1;
	rig->options.dir = rig->folder.path;
	return batches_init(&rig->batches, 1, 77);
}

static void open_journal(struct rig *rig)
{
	assert_int_equal(journal_open(&rig->journal, &rig->loop, &rig->options, NULL, NULL), 0);
	rig->durable = journal_durable(rig->journal);
	journal_on_durable(rig->journal, on_durable, rig);
}

static void on_closed(void *owner)
{
	struct rig *rig = owner;

	rig->closed = true;
}

static void close_journal(struct rig *rig)
{
	rig->closed = false;
	journal_close(rig->journal, on_closed, rig);
	rig->journal = NULL;
	while (!rig->closed)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || rig->closed);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	write_error = sync_error = 0;
	if (rig->journal)
		close_journal(rig);
	arena_finish(&rig->arena);
	batches_finish(&rig->batches);
	folder_remove(&rig->folder);
	if (uv_loop_close(&rig->loop) != 0)
		return -1;
	free(rig);
	return 0;
}

/* A verdict that differs from position to position. */
static void make_verdict(uint64_t position, uint8_t verdict[2])
{
	verdict[0] = (uint8_t)(position * 37);
	verdict[1] = (uint8_t)(position * 11 & 7);
}

static int append(struct rig *rig, uint64_t seq, uint64_t *ret_position)
{
	uint8_t verdict[2];
	size_t len = 0;
	const uint8_t *data = batches_make(&rig->batches, seq, FACTS, seq * 1000, &len);

	assert_non_null(data);
	make_verdict(seq, verdict);
	return journal_append_batch(rig->journal, (int64_t)seq * 7, bytes_make(data, len),
				    &(struct journal_verdict){.facts = verdict, .fact_count = FACTS}, ret_position);
}

/* Appends the batches whose seq is their position. */
static void fill(struct rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t position, seq = journal_durable(rig->journal) + 1 + i;

		assert_int_equal(append(rig, seq, &position), 0);
		assert_int_equal(position, seq);
	}
}

static void wait_durable(struct rig *rig, uint64_t position)
{
	while (rig->durable < position && !rig->error)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || rig->durable >= position);
	assert_int_equal(rig->durable, position);
}

static void expect_batch(struct rig *rig, struct journal_reader *reader, uint64_t position)
{
	struct journal_entry entry;
	uint8_t verdict[2];

	arena_reset(&rig->arena);
	assert_int_equal(journal_reader_next(reader, &rig->arena, &entry), 0);
	assert_int_equal(entry.type, JOURNAL_BATCH);
	assert_int_equal(entry.position, position);
	assert_int_equal(entry.received_wall_ns, position * 7);
	assert_int_equal(entry.batch.id.seq, position);
	assert_int_equal(entry.batch.fact_count, FACTS);
	assert_int_equal(entry.batch.facts[1].time_ns, position * 1000 + BATCHES_STEP_NS);
	make_verdict(position, verdict);
	for (size_t fact = 0; fact < FACTS; fact++)
		assert_int_equal(journal_is_new(&entry, fact), verdict[fact / 8] >> (fact % 8) & 1);
}

static void expect_range(struct rig *rig, uint64_t from, uint64_t to)
{
	struct journal_reader *reader;
	struct journal_entry entry;

	assert_int_equal(journal_reader_open(&reader, rig->journal, from), 0);
	for (uint64_t position = from; position <= to; position++)
		expect_batch(rig, reader, position);
	assert_int_equal(journal_reader_next(reader, &rig->arena, &entry), JOURNAL_E_END);
	journal_reader_close(reader);
}

static void an_entry_is_read_once_it_is_durable(void **state)
{
	struct rig *rig = *state;

	open_journal(rig);
	assert_int_equal(journal_first(rig->journal), 1);
	fill(rig, 1);
	assert_true(journal_pending_bytes(rig->journal) > 0);
	expect_range(rig, 1, 0);
	wait_durable(rig, 1);
	assert_int_equal(journal_pending_bytes(rig->journal), 0);
	assert_int_equal(journal_durable(rig->journal), 1);
	expect_range(rig, 1, 1);
}

static void appends_of_one_turn_are_one_commit(void **state)
{
	struct rig *rig = *state;
	uint64_t commits, ns;

	open_journal(rig);
	fill(rig, 50);
	wait_durable(rig, 50);
	journal_commit_stats(rig->journal, &commits, &ns);
	assert_int_equal(commits, 1);
	assert_true(ns > 0);
	assert_int_equal(rig->calls, 1);
	expect_range(rig, 1, 50);
	expect_range(rig, 33, 50);
}

static void what_comes_during_a_commit_forms_the_next(void **state)
{
	struct rig *rig = *state;
	uint64_t commits, ns, position;

	open_journal(rig);
	fill(rig, 3);
	/* The idle phase starts the commit; it cannot end before the loop has polled again. */
	(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	for (uint64_t seq = 4; seq <= 6; seq++)
		assert_int_equal(append(rig, seq, &position), 0);
	wait_durable(rig, 6);
	journal_commit_stats(rig->journal, &commits, &ns);
	assert_int_equal(commits, 2);
	expect_range(rig, 1, 6);
}

static void closing_drains(void **state)
{
	struct rig *rig = *state;
	uint64_t position;

	open_journal(rig);
	fill(rig, 2);
	(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	assert_int_equal(append(rig, 3, &position), 0);
	close_journal(rig);
	assert_int_equal(rig->durable, 3);
	open_journal(rig);
	expect_range(rig, 1, 3);
	close_journal(rig);
	open_journal(rig);
}

static void hosts_are_kept_as_they_said_hello(void **state)
{
	static const struct tag tags[] = {{BYTES_LITERAL("role"), BYTES_LITERAL("db")},
					  {BYTES_LITERAL("env"), BYTES_LITERAL("prod")}};
	struct hello hello = {
	    .protocol_version = 1,
	    .boot = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	    .machine_id_known = true,
	    .machine_id = {9},
	    .hostname = BYTES_LITERAL("db-1"),
	    .kernel = BYTES_LITERAL("6.18"),
	    .arch = BYTES_LITERAL("x86_64"),
	    .sensor_version = BYTES_LITERAL("0.1.0"),
	    .tags = tags,
	    .tag_count = 2,
	    .stream = 77,
	    .first_unacked_seq = 5,
	    .boottime_to_wall_ns = -3,
	    .boottime_ns = 12345,
	};
	struct rig *rig = *state;
	struct journal_reader *reader;
	struct journal_entry entry;
	uint64_t position = 0;

	open_journal(rig);
	assert_int_equal(journal_append_host(rig->journal, -5, &hello, &position), 0);
	wait_durable(rig, position);
	assert_int_equal(journal_reader_open(&reader, rig->journal, 1), 0);
	assert_int_equal(journal_reader_next(reader, &rig->arena, &entry), 0);
	assert_int_equal(entry.type, JOURNAL_HOST);
	assert_int_equal(entry.position, 1);
	assert_int_equal(entry.received_wall_ns, -5);
	assert_true(boot_id_equal(&entry.hello.boot, &hello.boot));
	assert_true(bytes_equal(entry.hello.hostname, hello.hostname));
	assert_true(bytes_equal(entry.hello.kernel, hello.kernel));
	assert_int_equal(entry.hello.tag_count, 2);
	assert_true(bytes_equal(entry.hello.tags[1].value, tags[1].value));
	assert_int_equal(entry.hello.stream, 77);
	assert_int_equal(entry.hello.boottime_to_wall_ns, -3);
	journal_reader_close(reader);
}

static void retention_takes_the_oldest_segments(void **state)
{
	struct rig *rig = *state;

	rig->options.segment_bytes = 4096;
	rig->options.retain_bytes = 10000;
	open_journal(rig);
	for (int i = 0; i < 20; i++) {
		fill(rig, 10);
		wait_durable(rig, 10 * (uint64_t)(i + 1));
	}
	assert_true(journal_first(rig->journal) > 50);
	assert_true(journal_bytes(rig->journal) < 10000 + 2 * 4096);
	expect_range(rig, journal_first(rig->journal), 200);
}

static void an_entry_of_a_newer_version_is_skipped_as_a_hole(void **state)
{
	struct seglog_options options = {.kind = SEGLOG_JOURNAL, .segment_bytes = 1 << 20};
	struct bytes part = BYTES_LITERAL("from the future");
	struct rig *rig = *state;
	struct journal_reader *reader;
	struct journal_entry entry;
	struct seglog *log;
	uint64_t number;

	open_journal(rig);
	fill(rig, 1);
	close_journal(rig);
	options.dir = rig->folder.path;
	assert_int_equal(seglog_open(&log, &options, NULL, NULL), 0);
	assert_int_equal(seglog_append(log, 99, &part, 1, &number), 0);
	assert_int_equal(seglog_append(log, JOURNAL_BATCH, &part, 1, &number), 0);
	assert_int_equal(seglog_commit(log, true, NULL), 0);
	seglog_close(log);
	open_journal(rig);
	fill(rig, 1);
	wait_durable(rig, 4);
	assert_int_equal(journal_reader_open(&reader, rig->journal, 1), 0);
	expect_batch(rig, reader, 1);
	assert_int_equal(journal_reader_next(reader, &rig->arena, &entry), JOURNAL_E_HOLE);
	assert_int_equal(entry.position, 3);
	assert_int_equal(journal_reader_next(reader, &rig->arena, &entry), JOURNAL_E_HOLE);
	assert_int_equal(entry.position, 4);
	expect_batch(rig, reader, 4);
	journal_reader_close(reader);
}

static void a_small_arena_leaves_the_reader_where_it_was(void **state)
{
	struct rig *rig = *state;
	struct journal_reader *reader;
	struct journal_entry entry;
	struct arena small = {.limit = 16};

	open_journal(rig);
	fill(rig, 2);
	wait_durable(rig, 2);
	assert_int_equal(journal_reader_open(&reader, rig->journal, 1), 0);
	assert_int_equal(journal_reader_next(reader, &small, &entry), -ENOMEM);
	assert_int_equal(journal_reader_next(reader, &small, &entry), -ENOMEM);
	expect_batch(rig, reader, 1);
	expect_batch(rig, reader, 2);
	journal_reader_close(reader);
	arena_finish(&small);
}

static void a_failed_sync_stops_it_and_is_told_once(void **state)
{
	struct rig *rig = *state;
	uint64_t position;

	open_journal(rig);
	fill(rig, 2);
	wait_durable(rig, 2);
	sync_error = EIO;
	fill(rig, 2);
	while (!rig->error)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || rig->error);
	assert_int_equal(rig->error, -EIO);
	assert_int_equal(rig->durable, 2);
	assert_int_equal(journal_error(rig->journal), -EIO);
	assert_int_equal(append(rig, 5, &position), -EIO);
	expect_range(rig, 1, 2);
	close_journal(rig);
	assert_int_equal(rig->errors, 1);
}

static void a_full_disk_is_waited_out(void **state)
{
	struct rig *rig = *state;

	open_journal(rig);
	fill(rig, 2);
	wait_durable(rig, 2);
	write_error = ENOSPC;
	fill(rig, 3);
	while (!journal_error(rig->journal))
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE));
	assert_int_equal(journal_error(rig->journal), -ENOSPC);
	assert_int_equal(rig->errors, 0);
	assert_true(journal_pending_bytes(rig->journal) > 0);
	expect_range(rig, 1, 2);
	__atomic_store_n(&write_error, 0, __ATOMIC_RELAXED);
	wait_durable(rig, 5);
	assert_int_equal(journal_error(rig->journal), 0);
	expect_range(rig, 1, 5);
}

static void closing_on_a_full_disk_says_so(void **state)
{
	struct rig *rig = *state;

	open_journal(rig);
	fill(rig, 2);
	write_error = ENOSPC;
	close_journal(rig);
	assert_int_equal(rig->error, -ENOSPC);
	assert_int_equal(rig->durable, 0);
	write_error = 0;
	rig->error = 0;
	open_journal(rig);
	assert_int_equal(journal_durable(rig->journal), 0);
}

struct chain {
	struct rig *rig;
	unsigned left;
	bool close;
};

/* Takes itself away, or appends, or closes: all are allowed here. */
static void on_chain(void *owner, uint64_t position, int error)
{
	struct chain *chain = owner;

	assert_int_equal(error, 0);
	if (chain->left-- > 0) {
		assert_int_equal(append(chain->rig, position + 1, &position), 0);
		return;
	}
	journal_off_durable(chain->rig->journal, on_chain, chain);
	if (chain->close) {
		journal_close(chain->rig->journal, on_closed, chain->rig);
		chain->rig->journal = NULL;
	}
}

static void a_listener_may_append_and_leave(void **state)
{
	struct rig *rig = *state;
	struct chain chain = {.rig = rig, .left = 3};

	open_journal(rig);
	journal_on_durable(rig->journal, on_chain, &chain);
	fill(rig, 1);
	wait_durable(rig, 4);
	fill(rig, 1);
	wait_durable(rig, 5);
	expect_range(rig, 1, 5);
}

static void a_listener_may_close(void **state)
{
	struct rig *rig = *state;
	struct chain chain = {.rig = rig, .left = 1, .close = true};

	open_journal(rig);
	journal_on_durable(rig->journal, on_chain, &chain);
	fill(rig, 1);
	while (!rig->closed)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || rig->closed);
	open_journal(rig);
	expect_range(rig, 1, 2);
}

static void nothing_is_appended_and_yet_a_turn_is_told(void **state)
{
	struct rig *rig = *state;
	unsigned told;

	open_journal(rig);
	fill(rig, 1);
	wait_durable(rig, 1);
	told = rig->calls;
	journal_turn_soon(rig->journal);
	assert_int_equal(rig->calls, told); /* not from within the call */
	(void)uv_run(&rig->loop, UV_RUN_ONCE);
	assert_int_equal(rig->calls, told + 1);
	assert_int_equal(rig->durable, 1);
	(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	assert_int_equal(rig->calls, told + 1); /* and once */
	journal_turn_soon(rig->journal);
	close_journal(rig); /* nobody is told any more */
	assert_int_equal(rig->calls, told + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_entry_is_read_once_it_is_durable),
	    TEST(appends_of_one_turn_are_one_commit),
	    TEST(what_comes_during_a_commit_forms_the_next),
	    TEST(closing_drains),
	    TEST(hosts_are_kept_as_they_said_hello),
	    TEST(retention_takes_the_oldest_segments),
	    TEST(an_entry_of_a_newer_version_is_skipped_as_a_hole),
	    TEST(a_small_arena_leaves_the_reader_where_it_was),
	    TEST(a_failed_sync_stops_it_and_is_told_once),
	    TEST(a_full_disk_is_waited_out),
	    TEST(closing_on_a_full_disk_says_so),
	    TEST(a_listener_may_append_and_leave),
	    TEST(a_listener_may_close),
	    TEST(nothing_is_appended_and_yet_a_turn_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
