/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/seglog/parse.h"
#include "proto/seglog/seglog.h"
#include "tests/unit/folder.h"

#define RECORD_BYTES 64u /* on disk, of the 40 byte payloads below */
#define PER_SEGMENT 10u
#define FIRST_SEGMENT "00000000000000000001.seg"
#define SECOND_SEGMENT "00000000000000000011.seg"
#define THIRD_SEGMENT "00000000000000000021.seg"

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

static enum seglog_kind kind = SEGLOG_JOURNAL;

static int try_open(const struct folder *folder, struct seglog **ret, struct seglog_recovery *ret_recovery,
		    char **ret_why)
{
	struct seglog_options options = {
	    .dir = folder->path,
	    .kind = kind,
	    .segment_bytes = FORMAT_DATA_OFFSET + PER_SEGMENT * RECORD_BYTES,
	};

	return seglog_open(ret, &options, ret_recovery, ret_why);
}

static struct seglog *open_log(const struct folder *folder, struct seglog_recovery *ret)
{
	struct seglog *log = NULL;

	assert_int_equal(try_open(folder, &log, ret, NULL), 0);
	return log;
}

static void append(struct seglog *log, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t number;
		char data[41];
		struct bytes part = bytes_make(data, 40);

		(void)snprintf(data, sizeof(data), "%040" PRIu64, seglog_next(log));
		assert_int_equal(seglog_append(log, 1, &part, 1, &number), 0);
	}
	assert_int_equal(seglog_commit(log, true, NULL), 0);
}

/* A log with this many records that was closed in order. */
static void fill(const struct folder *folder, unsigned count)
{
	struct seglog *log = open_log(folder, NULL);

	append(log, count);
	seglog_close(log);
}

/* The same, each in a commit of its own. */
static void fill_each(const struct folder *folder, unsigned count)
{
	struct seglog *log = open_log(folder, NULL);

	while (count--)
		append(log, 1);
	seglog_close(log);
}

static long record_offset(unsigned in_segment)
{
	return (long)(FORMAT_DATA_OFFSET + in_segment * RECORD_BYTES);
}

/* Reads all and expects exactly the numbers of [1, next) without [lost_from, lost_to). */
static void expect_without(struct seglog *log, uint64_t lost_from, uint64_t lost_to, uint64_t next)
{
	struct seglog_reader *reader;
	struct seglog_record record;
	uint64_t number = 1;
	int r;

	assert_int_equal(seglog_reader_open(&reader, log, 1), 0);
	while ((r = seglog_reader_next(reader, &record)) != SEGLOG_E_END) {
		char data[41];

		if (r == SEGLOG_E_HOLE) {
			assert_int_equal(number, lost_from);
			assert_int_equal(record.number, lost_to);
			number = lost_to;
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(record.number, number);
		(void)snprintf(data, sizeof(data), "%040" PRIu64, number++);
		assert_memory_equal(record.payload.data, data, 40);
	}
	assert_int_equal(number, next);
	seglog_reader_close(reader);
}

static void a_tail_torn_anywhere_is_cut_and_written_over(void **state)
{
	for (long cut = 1; cut <= (long)RECORD_BYTES; cut += 7) {
		struct seglog_recovery recovery;
		struct seglog *log;

		fill(*state, 5);
		assert_int_equal(folder_truncate(*state, FIRST_SEGMENT, record_offset(5) - cut), 0);
		log = open_log(*state, &recovery);
		assert_int_equal(recovery.records, 4);
		assert_int_equal(recovery.next, 5);
		assert_int_equal(recovery.holes, 0);
		assert_true(recovery.torn_bytes <= RECORD_BYTES - (uint64_t)cut);
		assert_true(cut == (long)RECORD_BYTES || recovery.torn_bytes > 0);
		append(log, 3);
		expect_without(log, 0, 0, 8);
		seglog_close(log);
		log = open_log(*state, &recovery);
		assert_int_equal(recovery.torn_bytes, 0);
		assert_int_equal(recovery.records, 7);
		seglog_close(log);
		folder_remove(*state);
		assert_int_equal(setup(state), 0);
	}
}

static void garbage_behind_the_end_is_cut(void **state)
{
	static const char garbage[] = "what a write that was torn has left";
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 5);
	assert_int_equal(folder_append(*state, FIRST_SEGMENT, garbage, sizeof(garbage)), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.torn_bytes,
			 sizeof(garbage) - 1); /* a zero at the end cannot be told from reserved space */
	append(log, 1);
	expect_without(log, 0, 0, 7);
	seglog_close(log);
}

static void reserved_space_is_not_a_tear(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 5);
	assert_int_equal(folder_truncate(*state, FIRST_SEGMENT, 200000), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.torn_bytes, 0);
	assert_int_equal(recovery.records, 5);
	append(log, 1);
	expect_without(log, 0, 0, 7);
	seglog_close(log);
}

static void damage_before_the_tail_is_a_hole(void **state)
{
	static const struct {
		long offset; /* in the record */
	} places[] = {{0}, {5}, {9}, {12}, {13}, {20}, {24}, {63 - 24}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct seglog_recovery recovery;
		struct seglog *log;

		fill_each(*state, 8);
		assert_int_equal(folder_flip(*state, FIRST_SEGMENT, record_offset(3) + places[i].offset, 1, 0x40), 0);
		log = open_log(*state, &recovery);
		assert_int_equal(recovery.holes, 1);
		assert_int_equal(recovery.lost_records, 1);
		assert_int_equal(recovery.records, 7);
		assert_int_equal(recovery.torn_bytes, 0);
		append(log, 1);
		expect_without(log, 4, 5, 10);
		seglog_close(log);
		folder_remove(*state);
		assert_int_equal(setup(state), 0);
	}
}

/* Three commits of one record and one of five, which a power loss has left without its second record. */
static void lose_one_of_the_last_commit(const struct folder *folder)
{
	struct seglog *log;

	fill_each(folder, 3);
	log = open_log(folder, NULL);
	append(log, 5);
	seglog_close(log);
	assert_int_equal(folder_flip(folder, FIRST_SEGMENT, record_offset(4) + 30, 1, 0x40), 0);
}

static void what_stands_behind_damage_in_the_last_commit_goes(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	lose_one_of_the_last_commit(*state);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 0);
	assert_int_equal(recovery.records, 4);
	assert_int_equal(recovery.next, 5);
	assert_int_equal(recovery.torn_bytes, 4 * RECORD_BYTES);
	append(log, 2);
	expect_without(log, 0, 0, 7);
	seglog_close(log);
	/* It was cut off, and not only passed over. */
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.next, 7);
	assert_int_equal(recovery.holes, 0);
	seglog_close(log);
}

static void a_spool_keeps_what_nobody_would_bring_again(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	kind = SEGLOG_SPOOL;
	lose_one_of_the_last_commit(*state);
	log = open_log(*state, &recovery);
	kind = SEGLOG_JOURNAL;
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.records, 7);
	expect_without(log, 5, 6, 9);
	seglog_close(log);
}

/* Its version goes back to 1. */
static void make_old(const struct folder *folder)
{
	char path[FOLDER_PATH_MAX * 2];
	uint8_t data[FORMAT_DATA_OFFSET], salt[8];
	struct parse_header header;
	int fd;

	folder_file(folder, FIRST_SEGMENT, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, data, sizeof(data), 0), sizeof(data));
	assert_int_equal(parse_header(data, sizeof(data), &header), 0);
	memcpy(salt, data + offsetof(struct format_header, salt), sizeof(salt));
	header.version = 1;
	parse_header_write(data, &header, salt);
	assert_int_equal(pwrite(fd, data, sizeof(data), 0), sizeof(data));
	(void)close(fd);
}

static bool any_settled(struct seglog *log, uint64_t from, uint64_t to)
{
	struct seglog_reader *reader;
	struct seglog_record record;
	bool any = false;

	assert_int_equal(seglog_reader_open(&reader, log, from), 0);
	while (from++ < to && seglog_reader_next(reader, &record) == 0)
		any = any || record.settled;
	seglog_reader_close(reader);
	return any;
}

/* A segment of version 1 does not tell commits apart: damage is a hole. It is gone on with, and gets no flags; the next one has them. */
static void an_old_segment_is_gone_on_with_as_it_is(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 1);
	make_old(*state);
	log = open_log(*state, &recovery);
	append(log, 1);
	append(log, 5);
	assert_false(any_settled(log, 2, 8));
	seglog_close(log);
	assert_int_equal(folder_flip(*state, FIRST_SEGMENT, record_offset(3) + 30, 1, 0x40), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.next, 8);
	append(log, PER_SEGMENT);
	append(log, 1);
	assert_true(any_settled(log, 8, 8 + PER_SEGMENT + 1));
	seglog_close(log);
}

static void a_lost_sector_costs_its_records_alone(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 35);
	/* In a sealed segment: found when it is read. */
	assert_int_equal(folder_flip(*state, SECOND_SEGMENT, record_offset(2) + 10, 200, 0xff), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 0);
	assert_int_equal(recovery.records, 35);
	expect_without(log, 13, 17, 36);
	seglog_close(log);
}

static void a_missing_segment_is_a_hole_without_reading_any(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;
	char path[FOLDER_PATH_MAX * 2];

	fill(*state, 35);
	folder_file(*state, SECOND_SEGMENT, path);
	assert_int_equal(unlink(path), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.lost_records, 10);
	expect_without(log, 11, 21, 36);
	seglog_close(log);
}

static void a_shortened_sealed_segment_is_a_hole(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 35);
	assert_int_equal(folder_truncate(*state, SECOND_SEGMENT, record_offset(7) + 3), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.lost_records, 3);
	expect_without(log, 18, 21, 36);
	seglog_close(log);
}

static void wipe_header(const struct folder *folder, const char *name)
{
	assert_int_equal(folder_flip(folder, name, 3, 1, 0xff), 0);
	assert_int_equal(folder_flip(folder, name, FORMAT_COPY_OFFSET + 3, 1, 0xff), 0);
}

static void a_segment_without_header_is_a_hole(void **state)
{
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 35);
	wipe_header(*state, SECOND_SEGMENT);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.lost_records, 10);
	expect_without(log, 11, 21, 36);
	seglog_close(log);
	assert_true(folder_size(*state, SECOND_SEGMENT) > 0); /* kept for whoever can make something of it */
}

static void numbers_of_an_unreadable_newest_segment_are_not_given_out_again(void **state)
{
	struct seglog_recovery recovery, again;
	struct seglog *log;

	fill(*state, 25);
	wipe_header(*state, THIRD_SEGMENT);
	log = open_log(*state, &recovery);
	assert_true(recovery.next > 25);
	assert_int_equal(recovery.holes, 1);
	assert_int_equal(recovery.lost_records, recovery.next - 21);
	append(log, 1);
	expect_without(log, 21, recovery.next, recovery.next + 1);
	seglog_close(log);
	log = open_log(*state, &again);
	assert_int_equal(again.next, recovery.next + 1);
	seglog_close(log);
}

static void a_segment_that_never_came_to_be_is_removed(void **state)
{
	static const char zeros[5000];
	struct seglog_recovery recovery;
	struct seglog *log;

	fill(*state, 15);
	assert_int_equal(folder_append(*state, "00000000000000000016.seg", zeros, sizeof(zeros)), 0);
	log = open_log(*state, &recovery);
	assert_int_equal(recovery.next, 16);
	assert_int_equal(recovery.holes, 0);
	append(log, 20);
	expect_without(log, 0, 0, 36);
	seglog_close(log);
	/* Also when it is the only one. */
	folder_remove(*state);
	assert_int_equal(setup(state), 0);
	assert_int_equal(folder_append(*state, FIRST_SEGMENT, zeros, 0), 0);
	fill(*state, 1);
}

/* Refused with both numbers, and not a byte of it is changed. */
static void expect_refused(const struct folder *folder, uint32_t version, const char *part)
{
	struct parse_header header = {.version = version, .kind = SEGLOG_JOURNAL, .id = 1, .first = 1};
	uint8_t data[FORMAT_DATA_OFFSET], salt[8] = {0};
	struct seglog *log;
	char *why = NULL;

	parse_header_write(data, &header, salt);
	assert_int_equal(folder_append(folder, FIRST_SEGMENT, data, sizeof(data)), 0);
	assert_int_equal(try_open(folder, &log, NULL, &why), -EPROTO);
	assert_non_null(strstr(why, part));
	assert_int_equal(folder_size(folder, FIRST_SEGMENT), sizeof(data));
	free(why);
}

static void a_newer_version_is_refused_by_name(void **state)
{
	expect_refused(*state, FORMAT_VERSION + 1, FIRST_SEGMENT " has format version 3, this program reads 1 to 2");
}

static void a_version_that_is_too_old_is_refused_by_name(void **state)
{
	expect_refused(*state, FORMAT_VERSION_MIN - 1, FIRST_SEGMENT " has format version 0, this program reads 1 to 2");
}

static void other_files_in_the_folder_are_left_alone(void **state)
{
	struct seglog *log;

	assert_int_equal(folder_append(*state, "notes.txt", "x", 1), 0);
	assert_int_equal(folder_append(*state, "1.seg", "x", 1), 0);
	fill(*state, 5);
	log = open_log(*state, NULL);
	expect_without(log, 0, 0, 6);
	seglog_close(log);
	assert_int_equal(folder_size(*state, "notes.txt"), 1);
	assert_int_equal(folder_size(*state, "1.seg"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_tail_torn_anywhere_is_cut_and_written_over),
	    TEST(garbage_behind_the_end_is_cut),
	    TEST(reserved_space_is_not_a_tear),
	    TEST(damage_before_the_tail_is_a_hole),
	    TEST(what_stands_behind_damage_in_the_last_commit_goes),
	    TEST(a_spool_keeps_what_nobody_would_bring_again),
	    TEST(an_old_segment_is_gone_on_with_as_it_is),
	    TEST(a_lost_sector_costs_its_records_alone),
	    TEST(a_missing_segment_is_a_hole_without_reading_any),
	    TEST(a_shortened_sealed_segment_is_a_hole),
	    TEST(a_segment_without_header_is_a_hole),
	    TEST(numbers_of_an_unreadable_newest_segment_are_not_given_out_again),
	    TEST(a_segment_that_never_came_to_be_is_removed),
	    TEST(a_newer_version_is_refused_by_name),
	    TEST(a_version_that_is_too_old_is_refused_by_name),
	    TEST(other_files_in_the_folder_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
