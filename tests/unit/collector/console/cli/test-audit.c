/* SPDX-License-Identifier: Apache-2.0 */
/* Which batches a hole has taken, from real batches in a real journal or spool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/console/cli/audit.h"
#include "collector/journal/entry.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"

#define FACTS 3u

static struct folder folder;
static struct batches one, two; /* of two hosts */

static int setup(void **state)
{
	return folder_make(&folder) < 0 || batches_init(&one, 1, 11) < 0 || batches_init(&two, 2, 22) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	batches_finish(&one);
	batches_finish(&two);
	folder_remove(&folder);
	return 0;
}

static struct seglog *open_log(enum seglog_kind kind, uint64_t id)
{
	struct seglog_options options = {.dir = folder.path, .kind = kind, .id = id, .segment_bytes = 1 << 20};
	struct seglog *log = NULL;

	assert_int_equal(seglog_open(&log, &options, NULL, NULL), 0);
	return log;
}

static void put(struct seglog *log, uint8_t type, const struct bytes *parts, size_t count)
{
	uint64_t number;

	assert_int_equal(seglog_append(log, type, parts, count, &number), 0);
	assert_int_equal(seglog_commit(log, true, NULL), 0);
}

static void journal_batch(struct seglog *log, struct batches *of, uint64_t seq)
{
	uint8_t verdict = 0xff;
	size_t len;
	const uint8_t *data = batches_make(of, seq, FACTS, seq * 1000, &len);
	struct entry_header header = entry_header_make(1, len, FACTS);
	struct bytes parts[] = {bytes_make(&header, sizeof(header)), bytes_make(data, len), bytes_make(&verdict, 1)};

	put(log, JOURNAL_BATCH, parts, 3);
}

static void spool_batch(struct seglog *log, struct batches *of, uint64_t seq)
{
	size_t len;
	const uint8_t *data = batches_make(of, seq, FACTS, seq * 1000, &len);
	struct bytes part = bytes_make(data, len);

	put(log, 1, &part, 1);
}

/* Damages one of count records that are of equal size. */
static void damage_record(unsigned index, unsigned count)
{
	char name[1][NAME_MAX + 1];
	uint64_t size = 0;
	struct seglog *log = open_log(SEGLOG_JOURNAL, 0);

	size = (seglog_bytes(log) - 1024) / count;
	seglog_close(log);
	assert_int_equal(folder_segments(&folder, name, 1), 1);
	assert_int_equal(folder_flip(&folder, name[0], (long)(1024 + index * size + 40), 1, 0x55), 0);
}

static struct report make(void)
{
	struct report report;
	char *why = NULL;

	if (report_make(&report, folder.path, &why) < 0)
		fail_msg("%s", why ? why : "no reason");
	return report;
}

static void a_hole_of_a_journal_is_told_by_stream_and_number(void **state)
{
	struct seglog *log = open_log(SEGLOG_JOURNAL, 5);
	struct report report;

	for (uint64_t seq = 1; seq <= 6; seq++) {
		journal_batch(log, &one, seq);
		journal_batch(log, &two, seq + 100);
	}
	seglog_close(log);
	report = make();
	assert_int_equal(report.damages, 0);
	assert_int_equal(report.finding_count, 0);
	assert_int_equal(report.batches, 12);
	assert_int_equal(report.stream_count, 2);
	report_finish(&report);

	damage_record(4, 12); /* batch 3 of the first host */
	report = make();
	assert_int_equal(report.damages, 1);
	assert_int_equal(report.lost_records, 1);
	assert_int_equal(report.lost_count, 1);
	assert_true(report.lost[0].boot_known);
	assert_memory_equal(&report.lost[0].boot, &one.boot, sizeof(one.boot));
	assert_int_equal(report.lost[0].stream, 11);
	assert_int_equal(report.lost[0].from, 3);
	assert_int_equal(report.lost[0].to, 3);
	assert_int_equal(report.lost[0].finding, 0);
	report_finish(&report);
}

static void a_jump_without_a_hole_is_no_damage(void **state)
{
	struct seglog *log = open_log(SEGLOG_JOURNAL, 5);
	struct report report;

	journal_batch(log, &one, 1);
	journal_batch(log, &one, 5);
	journal_batch(log, &one, 9);
	seglog_close(log);
	report = make();
	assert_int_equal(report.damages, 0);
	assert_int_equal(report.finding_count, 1);
	assert_int_equal(report.findings[0].at.type, REPORT_ELSEWHERE);
	assert_int_equal(report.findings[0].count, 6);
	report_finish(&report);
}

static void a_batch_behind_a_later_one_is_disorder(void **state)
{
	struct seglog *log = open_log(SEGLOG_JOURNAL, 5);
	struct report report;

	journal_batch(log, &one, 1);
	journal_batch(log, &one, 2);
	journal_batch(log, &one, 2);
	seglog_close(log);
	report = make();
	assert_int_equal(report.damages, 1);
	assert_int_equal(report.findings[0].at.type, REPORT_DISORDER);
	assert_int_equal(report.findings[0].at.from, 3);
	report_finish(&report);
}

static void records_of_a_newer_version_are_counted_and_no_damage(void **state)
{
	struct bytes part = BYTES_LITERAL("who knows");
	struct seglog *log = open_log(SEGLOG_JOURNAL, 5);
	struct report report;

	put(log, 200, &part, 1);
	put(log, 200, &part, 1);
	journal_batch(log, &one, 1);
	put(log, JOURNAL_BATCH, &part, 1);
	seglog_close(log);
	report = make();
	assert_int_equal(report.finding_count, 2);
	assert_int_equal(report.findings[0].at.type, REPORT_UNKNOWN);
	assert_int_equal(report.findings[0].count, 2);
	assert_false(report.findings[0].damage);
	assert_int_equal(report.findings[1].at.type, REPORT_UNDECODABLE);
	assert_true(report.findings[1].damage);
	report_finish(&report);
}

static void a_hole_of_a_spool_is_its_own_numbers(void **state)
{
	struct seglog *log = open_log(SEGLOG_SPOOL, 11);
	struct report report;
	char name[1][NAME_MAX + 1];

	for (uint64_t seq = 1; seq <= 4; seq++)
		spool_batch(log, &one, seq);
	seglog_close(log);
	assert_int_equal(folder_segments(&folder, name, 1), 1);
	assert_int_equal(folder_flip(&folder, name[0], 1024 + 40, 1, 0x55), 0);
	report = make();
	assert_int_equal(report.damages, 1);
	assert_int_equal(report.batches, 3);
	assert_int_equal(report.lost_count, 1);
	assert_false(report.lost[0].boot_known); /* nothing stands before it */
	assert_int_equal(report.lost[0].stream, 11);
	assert_int_equal(report.lost[0].from, 1);
	assert_int_equal(report.lost[0].to, 1);
	report_finish(&report);
}

static void many_streams_are_kept_apart(void **state)
{
	struct seglog *log = open_log(SEGLOG_JOURNAL, 5);
	struct report report;

	for (uint64_t round = 1; round <= 2; round++)
		for (uint64_t stream = 1; stream <= 300; stream++) {
			one.stream = stream;
			journal_batch(log, &one, round);
		}
	seglog_close(log);
	report = make();
	assert_int_equal(report.finding_count, 0);
	assert_int_equal(report.stream_count, 300);
	report_finish(&report);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_hole_of_a_journal_is_told_by_stream_and_number),
	    TEST(a_jump_without_a_hole_is_no_damage),
	    TEST(a_batch_behind_a_later_one_is_disorder),
	    TEST(records_of_a_newer_version_are_counted_and_no_damage),
	    TEST(a_hole_of_a_spool_is_its_own_numbers),
	    TEST(many_streams_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
