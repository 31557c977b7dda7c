/* SPDX-License-Identifier: Apache-2.0 */
/* The spool when its disk fails: pwrite and fdatasync are replaced at link time (--wrap) and fail on demand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "tests/unit/sensor/spool/rig.h"

static int write_error, sync_error;
static unsigned failures; /* that are still to come; 0 with an error set = for ever */

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	if (!write_error)
		return __real_pwrite64(fd, data, len, offset);
	errno = write_error;
	if (failures && --failures == 0)
		write_error = 0;
	return -1;
}

/* On a thread of the pool while the loop waits for it. */
int __wrap_fdatasync(int fd)
{
	int error = __atomic_load_n(&sync_error, __ATOMIC_RELAXED);

	if (!error)
		return __real_fdatasync(fd);
	errno = error;
	return -1;
}

static int setup(void **state)
{
	write_error = sync_error = 0;
	failures = 0;
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(on_a_full_disk_the_oldest_makes_room),
	    TEST(with_nothing_left_to_drop_the_batch_itself_is_counted),
	    TEST(after_a_failed_sync_it_opens_anew_and_goes_on),
	    TEST(a_failed_write_gives_no_seq_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
