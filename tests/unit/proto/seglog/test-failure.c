/* SPDX-License-Identifier: Apache-2.0 */
/* The log when the disk fails: pwrite and fdatasync are replaced at link time (--wrap) and fail on demand; a really
 * full disk is a small tmpfs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "proto/seglog/seglog.h"
#include "tests/unit/folder.h"

#define SEGMENT_BYTES 4096u
#define TMPFS_OPTIONS "size=256k"

static struct {
	unsigned writes, syncs; /* calls that still succeed */
	int write_error, sync_error;
	size_t short_write; /* the failing write takes this much first */
} fault;

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	if (!fault.write_error || fault.writes-- > 0)
		return __real_pwrite64(fd, data, len, offset);
	fault.writes = 0;
	if (fault.short_write && fault.short_write < len) {
		len = fault.short_write;
		fault.short_write = 0;
		return __real_pwrite64(fd, data, len, offset);
	}
	errno = fault.write_error;
	return -1;
}

int __wrap_fdatasync(int fd)
{
	if (!fault.sync_error || fault.syncs-- > 0)
		return __real_fdatasync(fd);
	fault.syncs = 0;
	errno = fault.sync_error;
	return -1;
}

/* The cache goes: what the disk never got reads as the zeros that were reserved for it. */
static off_t never_got; /* of the file, from here on; 0 = it got everything */

int __real_posix_fadvise64(int fd, off_t offset, off_t len, int advice);
int __wrap_posix_fadvise64(int fd, off_t offset, off_t len, int advice);

int __wrap_posix_fadvise64(int fd, off_t offset, off_t len, int advice)
{
	static const uint8_t zeros[SEGMENT_BYTES];

	if (advice == POSIX_FADV_DONTNEED && never_got)
		assert_int_equal(__real_pwrite64(fd, zeros, sizeof(zeros), never_got), sizeof(zeros));
	return __real_posix_fadvise64(fd, offset, len, advice);
}

static int setup(void **state)
{
	static struct folder folder;

	memset(&fault, 0, sizeof(fault));
	*state = &folder;
	return folder_make(&folder);
}

static int teardown(void **state)
{
	memset(&fault, 0, sizeof(fault));
	folder_remove(*state);
	return 0;
}

static struct seglog *open_log(const struct folder *folder)
{
	struct seglog_options options = {
	    .dir = folder->path, .kind = SEGLOG_SPOOL, .segment_bytes = SEGMENT_BYTES, .verify = true};
	struct seglog *log = NULL;

	assert_int_equal(seglog_open(&log, &options, NULL, NULL), 0);
	return log;
}

static void append(struct seglog *log, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t number, next = seglog_next(log);
		struct bytes part = bytes_make(&next, sizeof(next));

		assert_int_equal(seglog_append(log, 1, &part, 1, &number), 0);
	}
}

/* Exactly the numbers from ... to can be read. */
static void expect_range(struct seglog *log, uint64_t from, uint64_t to)
{
	struct seglog_reader *reader;
	struct seglog_record record;

	assert_int_equal(seglog_reader_open(&reader, log, from), 0);
	for (uint64_t number = from; number <= to; number++) {
		assert_int_equal(seglog_reader_next(reader, &record), 0);
		assert_int_equal(record.number, number);
		assert_memory_equal(record.payload.data, &number, sizeof(number));
	}
	assert_int_equal(seglog_reader_next(reader, &record), SEGLOG_E_END);
	seglog_reader_close(reader);
}

static void a_failed_sync_poisons_until_reopened(void **state)
{
	struct seglog *log = open_log(*state);
	uint64_t durable = 0, number;
	struct bytes part = BYTES_LITERAL("x");

	append(log, 5);
	assert_int_equal(seglog_commit(log, true, &durable), 0);
	append(log, 5);
	fault.sync_error = EIO;
	assert_int_equal(seglog_commit(log, true, &durable), -EIO);
	assert_int_equal(durable, 5);
	fault.sync_error = 0;
	/* The kernel would say yes now; it is not asked. */
	assert_int_equal(seglog_append(log, 1, &part, 1, &number), -EIO);
	assert_int_equal(seglog_commit(log, true, &durable), -EIO);
	assert_int_equal(seglog_error(log), -EIO);
	expect_range(log, 1, 5);
	seglog_close(log);
	log = open_log(*state);
	assert_true(seglog_durable(log) >= 5);
	expect_range(log, 1, seglog_durable(log));
	append(log, 1);
	assert_int_equal(seglog_commit(log, true, &durable), 0);
	seglog_close(log);
}

/* They would be called durable, and be gone after a power loss although the peer has let go of them. */
static void pages_that_never_reached_the_disk_do_not_count(void **state)
{
	struct seglog *log = open_log(*state);

	append(log, 5);
	assert_int_equal(seglog_commit(log, true, NULL), 0);
	never_got = (off_t)seglog_bytes(log);
	append(log, 5);
	fault.sync_error = EIO;
	assert_int_equal(seglog_commit(log, true, NULL), -EIO);
	fault.sync_error = 0;
	seglog_close(log);
	log = open_log(*state);
	never_got = 0;
	assert_int_equal(seglog_durable(log), 5);
	expect_range(log, 1, 5);
	append(log, 1);
	assert_int_equal(seglog_commit(log, true, NULL), 0);
	expect_range(log, 1, 6);
	seglog_close(log);
}

static void even_no_space_at_a_sync_poisons(void **state)
{
	struct seglog *log = open_log(*state);

	append(log, 5);
	fault.sync_error = ENOSPC;
	assert_int_equal(seglog_commit(log, true, NULL), -ENOSPC);
	assert_int_equal(seglog_error(log), -ENOSPC);
	seglog_close(log);
}

static void a_failed_sync_apart_poisons_too(void **state)
{
	struct seglog *log = open_log(*state);
	struct seglog_sync *sync;

	append(log, 5);
	assert_int_equal(seglog_commit(log, false, NULL), 0);
	assert_int_equal(seglog_sync_begin(log, &sync), 0);
	fault.sync_error = EIO;
	seglog_sync_run(sync);
	assert_int_equal(seglog_sync_finish(log, sync), -EIO);
	assert_int_equal(seglog_error(log), -EIO);
	seglog_close(log);
}

static void a_failed_write_poisons_and_publishes_nothing(void **state)
{
	for (unsigned good = 0; good < 3; good++) {
		struct seglog *log = open_log(*state);
		uint64_t before = seglog_durable(log), durable;

		append(log, 60); /* in one segment or two */
		fault.writes = 0;
		fault.short_write = good * 100;
		fault.write_error = EIO;
		assert_int_equal(seglog_commit(log, true, &durable), -EIO);
		fault.write_error = 0;
		assert_int_equal(durable, before);
		assert_int_equal(seglog_error(log), -EIO);
		seglog_close(log);
		log = open_log(*state);
		expect_range(log, 1, seglog_durable(log));
		append(log, 60);
		assert_int_equal(seglog_commit(log, true, &durable), 0);
		expect_range(log, 1, durable);
		seglog_close(log);
	}
}

static void a_full_disk_keeps_what_was_collected(void **state)
{
	/* Whichever write it is that finds no room: of records, of a new segment's header, half of one. */
	for (unsigned good = 0; good < 8; good++) {
		struct seglog *log = open_log(*state);
		uint64_t before = seglog_durable(log), durable = 0;

		append(log, 400);
		fault.writes = good;
		fault.short_write = 50;
		fault.write_error = ENOSPC;
		assert_int_equal(seglog_commit(log, true, &durable), -ENOSPC);
		assert_int_equal(seglog_error(log), 0);
		assert_true(durable >= before && durable < before + 400);
		assert_true(seglog_pending(log) > 0);
		expect_range(log, 1, durable);
		append(log, 10);
		assert_int_equal(seglog_commit(log, true, &durable), -ENOSPC);
		fault.write_error = 0;
		assert_int_equal(seglog_commit(log, true, &durable), 0);
		assert_int_equal(durable, before + 410);
		expect_range(log, 1, durable);
		seglog_close(log);
		log = open_log(*state);
		expect_range(log, 1, before + 410);
		seglog_close(log);
	}
}

static void what_is_discarded_does_not_come_back(void **state)
{
	struct seglog *log = open_log(*state);
	uint64_t durable = 0;

	append(log, 3);
	assert_int_equal(seglog_commit(log, true, NULL), 0);
	append(log, 5);
	fault.short_write = 100; /* three of them whole */
	fault.write_error = ENOSPC;
	assert_int_equal(seglog_commit(log, true, NULL), -ENOSPC);
	fault.write_error = 0;
	assert_int_equal(seglog_discard(log), 0);
	assert_int_equal(seglog_next(log), 4);
	append(log, 1);
	assert_int_equal(seglog_commit(log, true, &durable), 0);
	assert_int_equal(durable, 4);
	seglog_close(log);
	log = open_log(*state);
	expect_range(log, 1, 4);
	seglog_close(log);
}

static void a_really_full_disk_goes_on_after_a_drop(void **state)
{
	const struct folder *folder = *state;
	uint64_t from, to, durable = 0, first;
	struct seglog *log;
	int r;

	if (mount("tmpfs", folder->path, "tmpfs", 0, TMPFS_OPTIONS) < 0) {
		print_message("# no small tmpfs can be mounted here: %s\n", strerror(errno));
		skip();
	}
	log = open_log(folder);
	do {
		append(log, 100);
		r = seglog_commit(log, true, &durable);
	} while (r == 0);
	assert_int_equal(r, -ENOSPC);
	assert_true(durable > 1000);
	expect_range(log, 1, durable);
	assert_int_equal(seglog_drop_oldest(log, &from, &to), 0);
	assert_int_equal(seglog_drop_oldest(log, &from, &to), 0);
	first = seglog_first(log);
	assert_int_equal(first, to + 1);
	assert_int_equal(seglog_commit(log, true, &durable), 0);
	assert_int_equal(durable, seglog_next(log) - 1);
	expect_range(log, first, durable);
	seglog_close(log);
	log = open_log(folder);
	expect_range(log, first, durable);
	seglog_close(log);
	folder_remove(folder);
	assert_int_equal(umount(folder->path), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_failed_sync_poisons_until_reopened),    TEST(even_no_space_at_a_sync_poisons),
	    TEST(a_failed_sync_apart_poisons_too),         TEST(a_failed_write_poisons_and_publishes_nothing),
	    TEST(a_full_disk_keeps_what_was_collected),    TEST(what_is_discarded_does_not_come_back),
	    TEST(a_really_full_disk_goes_on_after_a_drop), TEST(pages_that_never_reached_the_disk_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
