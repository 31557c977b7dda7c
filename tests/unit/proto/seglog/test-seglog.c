/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/seglog/acked.h"
#include "proto/seglog/format.h"
#include "proto/seglog/seglog.h"
#include "tests/unit/folder.h"

#define SEGMENT_BYTES 4096u

static struct seglog_options options_for(const struct folder *folder)
{
	return (struct seglog_options){
	    .dir = folder->path, .kind = SEGLOG_SPOOL, .segment_bytes = SEGMENT_BYTES, .verify = true};
}

static int setup(void **state)
{
	static struct folder folder;

	*state = &folder;
	return folder_make(&folder);
}

static int teardown(void **state)
{
	folder_remove(*state);
	return 0;
}

static struct seglog *open_log(const struct folder *folder, struct seglog_recovery *ret)
{
	struct seglog_options options = options_for(folder);
	struct seglog *log = NULL;
	char *why = NULL;
	int r = seglog_open(&log, &options, ret, &why);

	if (r < 0)
		print_error("seglog_open: %d %s\n", r, why ? why : "");
	free(why);
	assert_int_equal(r, 0);
	return log;
}

/* Payloads tell their number, with a length that varies. */
static size_t payload(uint64_t number, char *data)
{
	size_t len = (size_t)(number * 7 % 190) + 10;

	memset(data, 'a' + (int)(number % 26), len);
	(void)snprintf(data, len, "%" PRIu64, number);
	return len;
}

static void append(struct seglog *log, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t number, expected = seglog_next(log);
		char data[256];
		size_t len = payload(expected, data);
		struct bytes parts[2] = {bytes_make(data, len / 2), bytes_make(data + len / 2, len - len / 2)};

		assert_int_equal(seglog_append(log, 1 + expected % 3, parts, 2, &number), 0);
		assert_int_equal(number, expected);
	}
}

static void commit(struct seglog *log)
{
	uint64_t durable;

	assert_int_equal(seglog_commit(log, true, &durable), 0);
	assert_int_equal(durable, seglog_next(log) - 1);
	assert_int_equal(durable, seglog_durable(log));
}

static void expect_record(struct seglog_reader *reader, uint64_t number)
{
	struct seglog_record record;
	char data[256];
	size_t len = payload(number, data);

	assert_int_equal(seglog_reader_next(reader, &record), 0);
	assert_int_equal(record.number, number);
	assert_int_equal(record.type, 1 + number % 3);
	assert_int_equal(record.payload.len, len);
	assert_memory_equal(record.payload.data, data, len);
}

static void expect_range(struct seglog *log, uint64_t from, uint64_t to)
{
	struct seglog_reader *reader;
	struct seglog_record record;

	assert_int_equal(seglog_reader_open(&reader, log, from), 0);
	for (uint64_t number = from; number <= to; number++)
		expect_record(reader, number);
	assert_int_equal(seglog_reader_next(reader, &record), SEGLOG_E_END);
	seglog_reader_close(reader);
}

static void a_new_log_is_empty_and_has_an_id(void **state)
{
	struct seglog_recovery recovery, again;
	struct seglog *log = open_log(*state, &recovery);

	assert_int_equal(recovery.first, 1);
	assert_int_equal(recovery.next, 1);
	assert_int_equal(recovery.records, 0);
	assert_int_not_equal(recovery.id, 0);
	assert_int_equal(seglog_durable(log), 0);
	seglog_close(log);
	log = open_log(*state, &again);
	assert_int_equal(again.id, recovery.id);
	seglog_close(log);
}

static void records_come_back_in_order_over_segments(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log = open_log(*state, NULL);

	append(log, 300);
	assert_true(seglog_pending(log) > 0);
	commit(log);
	assert_int_equal(seglog_pending(log), 0);
	expect_range(log, 1, 300);
	expect_range(log, 123, 300);
	seglog_close(log);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.records, 300);
	assert_int_equal(recovery.next, 301);
	assert_int_equal(recovery.holes, 0);
	assert_int_equal(recovery.torn_bytes, 0);
	assert_true(recovery.segments > 5);
	append(log, 10);
	commit(log);
	expect_range(log, 1, 310);
	seglog_close(log);
}

static void what_is_not_committed_is_not_seen(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	struct seglog_commit *pending;
	uint64_t durable = 99;

	append(log, 3);
	expect_range(log, 1, 0);
	assert_int_equal(seglog_commit_begin(log, true, &pending), 0);
	append(log, 2);
	seglog_commit_run(pending);
	expect_range(log, 1, 0);
	assert_int_equal(seglog_commit_finish(log, pending, &durable), 0);
	assert_int_equal(durable, 3);
	expect_range(log, 1, 3);
	seglog_close(log);
	log = open_log(*state, NULL);
	assert_int_equal(seglog_next(log), 4);
	expect_range(log, 1, 3);
	seglog_close(log);
}

static void one_commit_at_a_time(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	struct seglog_commit *first, *second;
	uint64_t durable;

	assert_int_equal(seglog_commit_begin(log, true, &first), -ENODATA);
	append(log, 1);
	assert_int_equal(seglog_commit_begin(log, false, &first), 0);
	append(log, 1);
	assert_int_equal(seglog_commit_begin(log, false, &second), -EBUSY);
	seglog_commit_run(first);
	assert_int_equal(seglog_commit_finish(log, first, &durable), 0);
	commit(log);
	expect_range(log, 1, 2);
	seglog_close(log);
}

static void a_sync_runs_beside_commits(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	struct seglog_sync *sync, *second;

	assert_int_equal(seglog_sync_begin(log, &sync), -ENODATA);
	append(log, 100);
	assert_int_equal(seglog_commit(log, false, NULL), 0);
	assert_int_equal(seglog_sync_begin(log, &sync), 0);
	assert_int_equal(seglog_sync_begin(log, &second), -EBUSY);
	append(log, 100);
	assert_int_equal(seglog_commit(log, false, NULL), 0);
	/* What the sync was begun for may be gone before it runs. */
	assert_int_equal(seglog_trim(log, 150, NULL), 0);
	seglog_sync_run(sync);
	assert_int_equal(seglog_sync_finish(log, sync), 0);
	assert_int_equal(seglog_sync_begin(log, &sync), 0);
	seglog_sync_run(sync);
	assert_int_equal(seglog_sync_finish(log, sync), 0);
	assert_int_equal(seglog_sync_begin(log, &sync), -ENODATA);
	expect_range(log, 200, 200);
	seglog_close(log);
}

static void unsynced_commits_do_not_pile_up_open_files(void **state)
{
	struct seglog *log = open_log(*state, NULL);

	for (int i = 0; i < 60; i++) {
		append(log, 40);
		assert_int_equal(seglog_commit(log, false, NULL), 0);
	}
	expect_range(log, 1, 2400);
	seglog_close(log);
}

static void trimming_removes_whole_segments_only(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	uint64_t freed, before;

	append(log, 300);
	commit(log);
	before = seglog_bytes(log);
	assert_int_equal(seglog_trim(log, 150, &freed), 0);
	assert_true(seglog_first(log) > 100 && seglog_first(log) <= 150);
	assert_true(freed > 0);
	assert_int_equal(seglog_bytes(log), before - freed);
	expect_range(log, seglog_first(log), 300);
	assert_int_equal(seglog_trim(log, UINT64_MAX, NULL), 0);
	assert_int_equal(seglog_sealed_bytes(log), 0);
	seglog_close(log);
	log = open_log(*state, NULL);
	assert_int_equal(seglog_next(log), 301);
	seglog_close(log);
}

static void a_reader_outlives_its_segment(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	struct seglog_reader *reader;
	struct seglog_record record;
	uint64_t first, number;

	append(log, 300);
	commit(log);
	assert_int_equal(seglog_reader_open(&reader, log, 1), 0);
	expect_record(reader, 1);
	assert_int_equal(seglog_trim(log, 200, NULL), 0);
	first = seglog_first(log);
	/* The rest of the first segment can still be read, then comes a hole up to what is held. */
	for (number = 2;; number++) {
		int r = seglog_reader_next(reader, &record);

		if (r == SEGLOG_E_HOLE)
			break;
		assert_int_equal(r, 0);
		assert_int_equal(record.number, number);
	}
	assert_true(number > 10 && number < first);
	assert_int_equal(record.number, first);
	for (number = first; number <= 300; number++)
		expect_record(reader, number);
	assert_int_equal(seglog_reader_next(reader, &record), SEGLOG_E_END);
	seglog_reader_close(reader);
	seglog_close(log);
}

static void a_reader_follows_new_commits(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	struct seglog_reader *reader;
	struct seglog_record record;

	assert_int_equal(seglog_reader_open(&reader, log, 1), 0);
	for (uint64_t number = 1; number <= 200; number++) {
		assert_int_equal(seglog_reader_next(reader, &record), SEGLOG_E_END);
		append(log, 1);
		commit(log);
		expect_record(reader, number);
	}
	seglog_reader_close(reader);
	seglog_close(log);
}

static void dropping_the_oldest_tells_what_is_lost(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	uint64_t from = 0, to = 0, next = 1;

	assert_int_equal(seglog_drop_oldest(log, &from, &to), -ENODATA);
	append(log, 100);
	commit(log);
	append(log, 5);
	while (next <= 100) {
		assert_int_equal(seglog_drop_oldest(log, &from, &to), 0);
		assert_int_equal(from, next);
		assert_true(to >= from && to <= 100);
		assert_int_equal(seglog_first(log), to + 1);
		next = to + 1;
	}
	assert_int_equal(seglog_drop_oldest(log, &from, &to), -ENODATA);
	commit(log);
	expect_range(log, 101, 105);
	seglog_close(log);
	log = open_log(*state, NULL);
	expect_range(log, 101, 105);
	seglog_close(log);
}

static void skipped_numbers_are_a_hole(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log = open_log(*state, NULL);
	struct seglog_reader *reader;
	struct seglog_record record;

	append(log, 2);
	assert_int_equal(seglog_skip(log, 10), -EBUSY);
	commit(log);
	assert_int_equal(seglog_skip(log, 2), -EINVAL);
	assert_int_equal(seglog_skip(log, 3), 0);
	assert_int_equal(seglog_skip(log, 10), 0);
	append(log, 1);
	commit(log);
	assert_int_equal(seglog_reader_open(&reader, log, 1), 0);
	expect_record(reader, 1);
	expect_record(reader, 2);
	assert_int_equal(seglog_reader_next(reader, &record), SEGLOG_E_HOLE);
	assert_int_equal(record.number, 10);
	expect_record(reader, 10);
	seglog_reader_close(reader);
	seglog_close(log);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.lost_records, 7);
	assert_int_equal(recovery.next, 11);
	seglog_close(log);
}

static void the_second_owner_is_refused(void **state)
{
	struct seglog_options options = options_for(*state);
	struct seglog *log = open_log(*state, NULL), *other;
	char *why = NULL, pid[32];

	assert_int_equal(seglog_open(&other, &options, NULL, &why), -EBUSY);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	assert_non_null(strstr(why, pid));
	free(why);
	seglog_close(log);
	seglog_close(open_log(*state, NULL));
}

static void a_foreign_log_is_refused_with_a_reason(void **state)
{
	struct seglog_options options = options_for(*state);
	struct seglog *log;
	char *why = NULL;

	seglog_close(open_log(*state, NULL));
	options.kind = SEGLOG_JOURNAL;
	assert_int_equal(seglog_open(&log, &options, NULL, &why), -EPROTO);
	assert_non_null(strstr(why, "kind 1"));
	free(why);
	options = options_for(*state);
	options.id = 4711;
	assert_int_equal(seglog_open(&log, &options, NULL, &why), -EPROTO);
	assert_non_null(strstr(why, "0000000000001267"));
	free(why);
	options = options_for(*state);
	options.dir = "/proc/no/such";
	assert_int_equal(seglog_open(&log, &options, NULL, &why), -ENOENT);
	assert_non_null(strstr(why, "/proc/no/such"));
	free(why);
}

static void a_renamed_segment_is_refused(void **state)
{
	struct seglog_options options = options_for(*state);
	char from[FOLDER_PATH_MAX * 2], to[FOLDER_PATH_MAX * 2];
	struct seglog *log;

	seglog_close(open_log(*state, NULL));
	folder_file(*state, "00000000000000000001.seg", from);
	folder_file(*state, "00000000000000000007.seg", to);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(seglog_open(&log, &options, NULL, NULL), -EPROTO);
}

static void reading_only_changes_nothing(void **state)
{
	struct seglog_options options = options_for(*state);
	struct seglog_recovery recovery;
	struct seglog *log = open_log(*state, NULL), *audit;
	struct bytes part = BYTES_LITERAL("x");
	uint64_t number;

	append(log, 100);
	commit(log);
	/* Beside the owner, who holds the lock. */
	options.read_only = true;
	assert_int_equal(seglog_open(&audit, &options, &recovery, NULL), 0);
	assert_int_equal(recovery.records, 100);
	expect_range(audit, 1, 100);
	assert_int_equal(seglog_append(audit, 1, &part, 1, &number), -EROFS);
	assert_int_equal(seglog_trim(audit, 50, NULL), -EROFS);
	seglog_close(audit);
	seglog_close(log);
	options.dir = "/proc/self/fd";
	assert_int_equal(seglog_open(&audit, &options, &recovery, NULL), -ENOENT);
}

static void bounds_are_kept(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	char *big = calloc(1, SEGLOG_RECORD_MAX + 1);
	struct bytes part = bytes_make(big, SEGLOG_RECORD_MAX + 1);
	struct seglog_reader *reader;
	struct seglog_record record;
	uint64_t number;

	assert_non_null(big);
	assert_int_equal(seglog_append(log, 1, &part, 1, &number), -EMSGSIZE);
	part.len = SEGLOG_RECORD_MAX - 64;
	big[part.len - 1] = 'z';
	assert_int_equal(seglog_append(log, 1, &part, 1, &number), 0);
	assert_int_equal(seglog_append(log, 1, &part, 1, &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(seglog_append(log, 1, &part, 1, &number), -ENOBUFS);
	assert_int_equal(number, 2);
	commit(log);
	assert_int_equal(seglog_reader_open(&reader, log, 2), 0);
	assert_int_equal(seglog_reader_next(reader, &record), 0);
	assert_int_equal(record.payload.len, part.len);
	assert_memory_equal(record.payload.data, big, part.len);
	seglog_reader_close(reader);
	seglog_close(log);
	free(big);
}

static void an_empty_record_is_a_record(void **state)
{
	struct seglog *log = open_log(*state, NULL);
	struct seglog_reader *reader;
	struct seglog_record record;
	uint64_t number;

	assert_int_equal(seglog_append(log, 0, NULL, 0, &number), 0);
	assert_int_equal(seglog_commit(log, true, NULL), 0);
	seglog_close(log);
	log = open_log(*state, NULL);
	assert_int_equal(seglog_reader_open(&reader, log, 0), 0);
	assert_int_equal(seglog_reader_next(reader, &record), 0);
	assert_int_equal(record.number, 1);
	assert_int_equal(record.payload.len, 0);
	assert_int_equal(seglog_reader_next(reader, &record), SEGLOG_E_END);
	seglog_reader_close(reader);
	seglog_close(log);
}

static int open_fails(const struct folder *folder)
{
	struct seglog_options options = options_for(folder);
	struct seglog *log = NULL;
	char *why = NULL;
	int r = seglog_open(&log, &options, NULL, &why);

	assert_non_null(why);
	free(why);
	return r;
}

/* Whoever prepared the folder decides neither where a privileged program writes nor that it waits. */
static void what_is_no_file_is_not_written_to(void **state)
{
	char lock[FOLDER_PATH_MAX * 2], segment[FOLDER_PATH_MAX * 2], victim[FOLDER_PATH_MAX * 2],
	    acked[FOLDER_PATH_MAX * 2];
	const struct folder *folder = *state;

	folder_file(folder, "lock", lock);
	folder_file(folder, "00000000000000000001.seg", segment);
	folder_file(folder, "victim", victim);
	folder_file(folder, ACKED_FILE, acked);
	assert_int_equal(mkfifo(lock, 0600), 0);
	assert_int_equal(open_fails(folder), -EMEDIUMTYPE);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(symlink(victim, lock), 0);
	assert_int_equal(open_fails(folder), -ELOOP);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkfifo(segment, 0600), 0);
	assert_int_equal(open_fails(folder), -EMEDIUMTYPE);
	assert_int_equal(unlink(segment), 0);
	assert_int_equal(symlink(victim, segment), 0);
	assert_int_equal(open_fails(folder), -ELOOP);
	assert_int_equal(symlink(victim, acked), 0);
	assert_int_equal(acked_write(folder->path, 1, 2), -ELOOP);
	assert_int_equal(unlink(acked), 0);
	assert_int_equal(mkfifo(acked, 0600), 0);
	assert_int_equal(acked_write(folder->path, 1, 2), -ENXIO); /* a pipe that nobody reads */
	assert_int_equal(acked_read(folder->path, 1), 0);
	assert_int_equal(access(victim, F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_new_log_is_empty_and_has_an_id),
	    TEST(records_come_back_in_order_over_segments),
	    TEST(what_is_not_committed_is_not_seen),
	    TEST(one_commit_at_a_time),
	    TEST(a_sync_runs_beside_commits),
	    TEST(unsynced_commits_do_not_pile_up_open_files),
	    TEST(trimming_removes_whole_segments_only),
	    TEST(a_reader_outlives_its_segment),
	    TEST(a_reader_follows_new_commits),
	    TEST(dropping_the_oldest_tells_what_is_lost),
	    TEST(skipped_numbers_are_a_hole),
	    TEST(the_second_owner_is_refused),
	    TEST(a_foreign_log_is_refused_with_a_reason),
	    TEST(a_renamed_segment_is_refused),
	    TEST(reading_only_changes_nothing),
	    TEST(bounds_are_kept),
	    TEST(an_empty_record_is_a_record),
	    TEST(what_is_no_file_is_not_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
