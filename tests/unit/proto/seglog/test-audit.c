/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of damage is told with file, offset and the records it took; a log in use is only read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/seglog/audit.h"
#include "proto/seglog/format.h"
#include "tests/unit/folder.h"

#define SEGMENT_BYTES 2048u
#define PAYLOAD 100u
#define RECORD 128u /* with header and padding */
#define FINDINGS_MAX 16
#define SEGMENTS_MAX 16

struct heard {
	struct audit_finding findings[FINDINGS_MAX];
	size_t count;
	uint64_t records, last, id;
	uint32_t kind;
};

static struct folder folder;
static struct heard heard;

static void on_begin(void *owner, uint32_t kind, uint64_t id)
{
	heard.kind = kind;
	heard.id = id;
}

static int on_record(void *owner, uint64_t segment, uint64_t offset, const struct seglog_record *record)
{
	assert_true(record->number > heard.last && record->number >= segment);
	assert_true(offset >= FORMAT_DATA_OFFSET && offset % FORMAT_ALIGN == 0);
	assert_int_equal(record->payload.len, PAYLOAD);
	heard.last = record->number;
	heard.records++;
	return 0;
}

static int on_finding(void *owner, const struct audit_finding *finding)
{
	assert_true(heard.count < FINDINGS_MAX);
	heard.findings[heard.count++] = *finding;
	return 0;
}

static struct audit_result audit(void)
{
	static const struct audit_events events = {NULL, on_begin, on_record, on_finding};
	struct audit_result result;
	char *why = NULL;

	memset(&heard, 0, sizeof(heard));
	if (seglog_audit(folder.path, &events, &result, &why) < 0)
		fail_msg("%s", why ? why : "no reason");
	return result;
}

static struct seglog *open_log(uint64_t id)
{
	struct seglog_options options = {
	    .dir = folder.path, .kind = SEGLOG_JOURNAL, .id = id, .segment_bytes = SEGMENT_BYTES};
	struct seglog *log = NULL;

	assert_int_equal(seglog_open(&log, &options, NULL, NULL), 0);
	return log;
}

static void append(struct seglog *log, unsigned count)
{
	char data[PAYLOAD];
	struct bytes part = bytes_make(data, sizeof(data));
	uint64_t number;

	for (unsigned i = 0; i < count; i++) {
		memset(data, 'a' + (int)(i % 26), sizeof(data));
		assert_int_equal(seglog_append(log, 1, &part, 1, &number), 0);
		assert_int_equal(seglog_commit(log, true, NULL), 0);
	}
}

/* Segments of eight records each: 1, 9, 17 and 25 with four. */
static int setup(void **state)
{
	struct seglog *log;

	if (folder_make(&folder) < 0)
		return -1;
	log = open_log(77);
	append(log, 28);
	seglog_close(log);
	return 0;
}

static int teardown(void **state)
{
	folder_remove(&folder);
	return 0;
}

static const char *segment(int i)
{
	static char names[SEGMENTS_MAX][NAME_MAX + 1];

	assert_true(folder_segments(&folder, names, SEGMENTS_MAX) > i);
	return names[i];
}

static void expect(size_t i, enum audit_type type, uint64_t of, uint64_t offset, uint64_t bytes, uint64_t from,
		   uint64_t to)
{
	assert_true(heard.count > i);
	assert_int_equal(heard.findings[i].type, type);
	assert_int_equal(heard.findings[i].segment, of);
	assert_int_equal(heard.findings[i].offset, offset);
	assert_int_equal(heard.findings[i].bytes, bytes);
	assert_int_equal(heard.findings[i].from, from);
	assert_int_equal(heard.findings[i].to, to);
}

static void a_sound_log_has_no_findings(void **state)
{
	struct audit_result result = audit();

	assert_int_equal(heard.count, 0);
	assert_int_equal(heard.kind, SEGLOG_JOURNAL);
	assert_int_equal(heard.id, 77);
	assert_int_equal(result.segments, 4);
	assert_int_equal(result.first, 1);
	assert_int_equal(result.next, 29);
	assert_int_equal(result.records, 28);
	assert_int_equal(result.owner, 0);
}

static void a_flipped_bit_is_a_hole_with_its_place(void **state)
{
	assert_int_equal(folder_flip(&folder, segment(1), FORMAT_DATA_OFFSET + 2 * RECORD + 40, 1, 1), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_HOLE, 9, FORMAT_DATA_OFFSET + 2 * RECORD, RECORD, 11, 12);
	assert_true(audit_is_damage(heard.findings[0].type));
	assert_int_equal(heard.records, 27);
}

static void damage_to_the_end_of_a_sealed_segment_is_found(void **state)
{
	assert_int_equal(folder_flip(&folder, segment(0), FORMAT_DATA_OFFSET + 7 * RECORD + 40, 1, 1), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_HOLE, 1, FORMAT_DATA_OFFSET + 7 * RECORD, RECORD, 8, 9);
}

static void a_shortened_segment_is_found(void **state)
{
	assert_int_equal(folder_truncate(&folder, segment(2), FORMAT_DATA_OFFSET + 5 * RECORD + 10), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_SHORT, 17, FORMAT_DATA_OFFSET + 5 * RECORD, 3 * RECORD, 22, 25);
}

static void a_missing_segment_is_named(void **state)
{
	char path[FOLDER_PATH_MAX * 2];

	folder_file(&folder, segment(1), path);
	assert_int_equal(unlink(path), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_MISSING, 9, 0, 0, 9, 17);
	folder_file(&folder, segment(0), path); /* the oldest: retention takes it like that */
	assert_int_equal(unlink(path), 0);
	(void)audit();
	assert_int_equal(heard.count, 0);
}

static void one_copy_of_a_header_is_no_loss_both_are(void **state)
{
	assert_int_equal(folder_flip(&folder, segment(1), 20, 1, 1), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_HEADER, 9, 0, FORMAT_DATA_OFFSET, 0, 0);
	assert_int_equal(heard.records, 28);
	assert_int_equal(folder_flip(&folder, segment(1), FORMAT_COPY_OFFSET + 20, 1, 1), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_UNREADABLE, 9, 0, FORMAT_DATA_OFFSET, 9, 17);
	assert_int_equal(heard.records, 20);
}

static void a_torn_tail_and_an_unborn_segment_are_no_damage(void **state)
{
	static const char torn[50] = "torn", zeros[1500];

	assert_int_equal(folder_truncate(&folder, segment(3), FORMAT_DATA_OFFSET + 4 * RECORD), 0);
	assert_int_equal(folder_append(&folder, segment(3), torn, sizeof(torn)), 0);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_TORN, 25, FORMAT_DATA_OFFSET + 4 * RECORD, 4, 0, 0);
	assert_false(audit_is_damage(heard.findings[0].type));
	assert_int_equal(folder_append(&folder, "00000000000000000029.seg", zeros, sizeof(zeros)), 0);
	(void)audit();
	assert_int_equal(heard.findings[heard.count - 1].type, AUDIT_UNBORN);
	assert_false(audit_is_damage(AUDIT_UNBORN));
}

static void skipped_numbers_are_no_damage(void **state)
{
	struct seglog *log = open_log(77);

	assert_int_equal(seglog_skip(log, 40), 0);
	append(log, 1);
	seglog_close(log);
	(void)audit();
	assert_int_equal(heard.count, 1);
	expect(0, AUDIT_SKIPPED, 40, 0, 0, 29, 40);
	assert_false(audit_is_damage(AUDIT_SKIPPED));
}

static void a_file_of_another_log_is_foreign(void **state)
{
	char from[FOLDER_PATH_MAX * 2], to[FOLDER_PATH_MAX * 2];

	folder_file(&folder, segment(3), from);
	folder_file(&folder, "00000000000000000030.seg", to);
	assert_int_equal(rename(from, to), 0);
	(void)audit();
	assert_int_equal(heard.findings[heard.count - 1].type, AUDIT_FOREIGN);
}

static void a_log_in_use_is_only_read(void **state)
{
	struct seglog *log = open_log(0);
	struct audit_result result;

	append(log, 3);
	result = audit();
	assert_int_equal(heard.count, 0);
	assert_int_equal(result.next, 32);
	assert_true(result.owner == getpid() || result.owner == -1);
	append(log, 3); /* goes on as if nobody had looked */
	assert_int_equal(seglog_trim(log, 20, NULL), 0);
	result = audit();
	assert_int_equal(heard.count, 0);
	assert_int_equal(result.first, 17);
	seglog_close(log);
}

static void a_folder_that_is_no_log_is_said_so(void **state)
{
	static const struct audit_events events = {NULL, on_begin, on_record, on_finding};
	struct audit_result result;
	struct folder empty;
	char *why = NULL;

	assert_int_equal(folder_make(&empty), 0);
	assert_int_equal(seglog_audit(empty.path, &events, &result, &why), -ENOENT);
	assert_non_null(strstr(why, "no segment"));
	free(why);
	folder_remove(&empty);
	assert_int_equal(seglog_audit(empty.path, &events, &result, &why), -ENOENT);
	free(why);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_sound_log_has_no_findings),
	    TEST(a_flipped_bit_is_a_hole_with_its_place),
	    TEST(damage_to_the_end_of_a_sealed_segment_is_found),
	    TEST(a_shortened_segment_is_found),
	    TEST(a_missing_segment_is_named),
	    TEST(one_copy_of_a_header_is_no_loss_both_are),
	    TEST(a_torn_tail_and_an_unborn_segment_are_no_damage),
	    TEST(skipped_numbers_are_no_damage),
	    TEST(a_file_of_another_log_is_foreign),
	    TEST(a_log_in_use_is_only_read),
	    TEST(a_folder_that_is_no_log_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
