/* SPDX-License-Identifier: Apache-2.0 */
/* The spool when its disk fails: pwrite and fdatasync are replaced at link time (--wrap) and fail on demand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cmocka.h>

#include "tests/unit/sensor/spool/rig.h"

static int write_error, sync_error;
static unsigned passes;     /* writes that go well before the first failure */
static unsigned failures;   /* that are still to come; 0 with an error set = for ever */
static bool written_anyway; /* what fails is in the file all the same */
static unsigned syncs;      /* that went well */

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	if (!write_error || (passes && passes--))
		return __real_pwrite64(fd, data, len, offset);
	if (written_anyway)
		(void)__real_pwrite64(fd, data, len, offset);
	errno = write_error;
	if (failures && --failures == 0)
		write_error = 0;
	return -1;
}

/* On a thread of the pool while the loop waits for it. */
int __wrap_fdatasync(int fd)
{
	int error = __atomic_load_n(&sync_error, __ATOMIC_RELAXED);

	if (!error) {
		(void)__atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
		return __real_fdatasync(fd);
	}
	errno = error;
	return -1;
}

static int setup(void **state)
{
	write_error = sync_error = 0;
	failures = passes = 0;
	written_anyway = false;
	return rig_setup(state);
}

static int teardown(void **state)
{
	write_error = sync_error = 0;
	return rig_teardown(state);
}

static uint64_t count_held(struct rig *rig)
{
	uint64_t held = 0;

	for (uint64_t seq = rig_read(rig, 1); seq; seq = rig_read(rig, seq + 1))
		held++;
	return held;
}

static void on_a_full_disk_the_oldest_makes_room(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 20);
	assert_int_equal(rig->gaps_told, 0);
	write_error = ENOSPC;
	failures = 2;
	rig_fill(rig, 1);
	assert_true(rig->was_dropped);
	assert_int_equal(rig->gap.reason, GAP_SPOOL_DROPPED);
	assert_int_equal(spool_error(rig->spool), 0);
	assert_int_equal(rig->facts_dropped + count_held(rig) * RIG_FACTS, 21 * RIG_FACTS);
}

static void with_nothing_left_to_drop_the_batch_itself_is_counted(void **state)
{
	struct rig *rig = *state;
	uint64_t seq;

	rig_open(rig);
	rig_fill(rig, 20);
	write_error = ENOSPC;
	for (int i = 0; i < 3; i++) {
		seq = spool_next_seq(rig->spool);
		assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
		assert_true(rig->was_dropped);
		assert_int_equal(spool_next_seq(rig->spool), seq);
		assert_int_equal(spool_error(rig->spool), -ENOSPC);
	}
	write_error = 0;
	rig_fill(rig, 5);
	assert_int_equal(spool_error(rig->spool), 0);
	assert_int_equal(rig->facts_dropped + count_held(rig) * RIG_FACTS, 28 * RIG_FACTS);
	rig_reopen(rig);
	assert_int_equal(rig->facts_dropped + count_held(rig) * RIG_FACTS, 28 * RIG_FACTS);
}

static void after_a_failed_sync_it_opens_anew_and_goes_on(void **state)
{
	struct rig *rig = *state;
	uint64_t seq;

	rig_open(rig);
	rig_fill(rig, 10);
	sync_error = EIO;
	while (spool_error(rig->spool) == 0)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || spool_error(rig->spool));
	assert_int_equal(spool_error(rig->spool), -EIO);
	seq = spool_next_seq(rig->spool);
	/* What was written can still be sent. */
	assert_int_equal(count_held(rig), 10);
	assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
	assert_int_equal(rig->gap.count, RIG_FACTS);
	assert_int_equal(spool_next_seq(rig->spool), seq);
	__atomic_store_n(&sync_error, 0, __ATOMIC_RELAXED);
	/* The next attempt comes with an append after the interval. */
	while (rig_append(rig) == SPOOL_E_REFUSED)
		uv_sleep(1);
	assert_int_equal(spool_error(rig->spool), 0);
	assert_int_equal(spool_next_seq(rig->spool), seq + 1);
	assert_int_equal(count_held(rig), 11);
}

static void a_failed_write_gives_no_seq_away(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 3);
	write_error = EIO;
	assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
	write_error = 0;
	rig_fill(rig, 1); /* opens anew at once: it is the first failure */
	assert_int_equal(spool_next_seq(rig->spool), 5);
	assert_int_equal(count_held(rig), 4);
}

static void heard(void *owner)
{
	*(bool *)owner = true;
}

/* What it holds is neither lost nor to be had, whoever asks; once it is back, its reader hears of it. */
static void while_the_folder_cannot_be_opened_it_answers(void **state)
{
	struct rig *rig = *state;
	uint64_t bytes;
	bool told = false;

	rig_open(rig);
	rig_fill(rig, 10);
	spool_ack(rig->spool, 2);
	bytes = spool_bytes(rig->spool);
	sync_error = EIO;
	while (spool_error(rig->spool) == 0)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || spool_error(rig->spool));
	while (rig_read(rig, 3) != 0) /* until it was tried to open it anew */
		assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
	assert_int_equal(spool_bytes(rig->spool), bytes);
	assert_int_equal(spool_batches(rig->spool), 8);
	assert_int_equal(spool_first_unacked(rig->spool), 3);
	spool_ack(rig->spool, 4);
	assert_int_equal(spool_batches(rig->spool), 6);
	assert_int_equal(spool_renew(rig->spool), -EIO);
	spool_on_append(rig->spool, heard, &told);
	__atomic_store_n(&sync_error, 0, __ATOMIC_RELAXED);
	while (!told)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || told);
	assert_int_equal(spool_error(rig->spool), 0);
	assert_int_equal(rig_read(rig, 5), 5);
	assert_int_equal(spool_batches(rig->spool), 6);
	spool_on_append(rig->spool, NULL, NULL);
}

static void a_spool_that_cannot_be_opened_is_closed(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 3);
	sync_error = EIO;
	while (spool_error(rig->spool) == 0)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || spool_error(rig->spool));
	while (rig_read(rig, 1) != 0)
		assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
	rig_close(rig);
	__atomic_store_n(&sync_error, 0, __ATOMIC_RELAXED);
	rig_open(rig);
	assert_int_equal(count_held(rig), 3);
}

/* The uplink says Hello with the stream that renew has left, so batches must never carry another one. */
static void a_new_stream_outlives_a_folder_that_cannot_be_opened(void **state)
{
	struct rig *rig = *state;
	uint64_t old;

	rig_open(rig);
	old = spool_stream(rig->spool);
	rig_fill(rig, 3);
	write_error = EIO;
	passes = 1; /* the segment that makes dropping the others possible */
	while (spool_renew(rig->spool) == -EBUSY)
		(void)uv_run(&rig->loop, UV_RUN_ONCE);
	assert_int_equal(spool_error(rig->spool), -EIO);
	rig->batches.stream = spool_stream(rig->spool);
	assert_true(rig->batches.stream != old && rig->batches.stream != 0);
	assert_int_equal(spool_next_seq(rig->spool), 1);
	assert_int_equal(spool_batches(rig->spool), 0);
	assert_int_equal(spool_bytes(rig->spool), 0);
	assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
	write_error = 0;
	while (rig_append(rig) == SPOOL_E_REFUSED)
		uv_sleep(1);
	assert_int_equal(spool_stream(rig->spool), rig->batches.stream);
	assert_int_equal(rig_read(rig, 1), 1);
	rig_reopen(rig);
	assert_int_equal(spool_stream(rig->spool), rig->batches.stream);
	assert_int_equal(spool_next_seq(rig->spool), 2);
}

/* Without a descriptor for it no sync can begin. */
static void a_sync_that_cannot_begin_comes_later(void **state)
{
	struct rig *rig = *state;
	struct rlimit all, none;
	unsigned before;

	rig_open(rig);
	rig_fill(rig, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = all.rlim_max};
	before = __atomic_load_n(&syncs, __ATOMIC_RELAXED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 20; i++) { /* far beyond the interval of syncs */
		uv_sleep(1);
		(void)uv_run(&rig->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(__atomic_load_n(&syncs, __ATOMIC_RELAXED), before);
	while (__atomic_load_n(&syncs, __ATOMIC_RELAXED) == before)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || __atomic_load_n(&syncs, __ATOMIC_RELAXED) != before);
}

/* What was refused and stands in the file nevertheless has taken the number that the next batch carries. */
static void a_number_stands_for_one_batch(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 3);
	write_error = EIO;
	written_anyway = true;
	assert_int_equal(rig_append(rig), SPOOL_E_REFUSED);
	write_error = 0;
	assert_int_equal(spool_next_seq(rig->spool), 4);
	assert_int_equal(rig_append(rig), SPOOL_E_REFUSED); /* it was numbered before the folder was opened anew */
	assert_int_equal(rig->gap.count, RIG_FACTS);
	assert_int_equal(spool_next_seq(rig->spool), 5);
	rig_fill(rig, 1);
	for (uint64_t seq = 1; seq <= 5; seq++)
		assert_int_equal(rig_read(rig, seq), seq);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(on_a_full_disk_the_oldest_makes_room),
	    TEST(with_nothing_left_to_drop_the_batch_itself_is_counted),
	    TEST(after_a_failed_sync_it_opens_anew_and_goes_on),
	    TEST(a_failed_write_gives_no_seq_away),
	    TEST(while_the_folder_cannot_be_opened_it_answers),
	    TEST(a_spool_that_cannot_be_opened_is_closed),
	    TEST(a_new_stream_outlives_a_folder_that_cannot_be_opened),
	    TEST(a_sync_that_cannot_begin_comes_later),
	    TEST(a_number_stands_for_one_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
