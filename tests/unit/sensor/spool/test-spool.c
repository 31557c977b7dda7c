/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/seglog/acked.h"
#include "tests/unit/sensor/spool/rig.h"

static void batches_come_back_by_seq(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	assert_int_equal(spool_next_seq(rig->spool), 1);
	assert_int_equal(rig_read(rig, 1), 0);
	rig_fill(rig, 10);
	assert_int_equal(spool_batches(rig->spool), 10);
	for (uint64_t seq = 1; seq <= 10; seq++)
		assert_int_equal(rig_read(rig, seq), seq);
	assert_int_equal(rig_read(rig, 11), 0);
	rig_fill(rig, 1);
	assert_int_equal(rig_read(rig, 11), 11);
	/* Back, as after a reconnect. */
	assert_int_equal(rig_read(rig, 4), 4);
	assert_int_equal(rig_read(rig, 5), 5);
	assert_false(rig->was_dropped);
}

static void stream_and_seq_go_on_after_a_restart(void **state)
{
	struct rig *rig = *state;
	uint64_t stream;

	rig_open(rig);
	stream = spool_stream(rig->spool);
	assert_int_not_equal(stream, 0);
	rig_fill(rig, 7);
	spool_ack(rig->spool, 3);
	rig_reopen(rig);
	assert_true(spool_stream(rig->spool) == stream);
	assert_int_equal(spool_next_seq(rig->spool), 8);
	assert_int_equal(spool_first_unacked(rig->spool), 4);
	assert_int_equal(rig->recovery.holes, 0);
	assert_int_equal(rig_read(rig, spool_first_unacked(rig->spool)), 4);
}

static void two_spools_are_two_streams(void **state)
{
	struct rig *rig = *state;
	uint64_t stream;

	rig_open(rig);
	stream = spool_stream(rig->spool);
	rig_close(rig);
	folder_remove(&rig->folder);
	rig_open(rig);
	assert_false(spool_stream(rig->spool) == stream);
}

static void an_ack_trims_and_is_bounded(void **state)
{
	struct rig *rig = *state;
	uint64_t bytes;

	rig_open(rig);
	rig_fill(rig, 30);
	bytes = spool_bytes(rig->spool);
	spool_ack(rig->spool, 20);
	assert_in_range(spool_bytes(rig->spool), 1, bytes / 2); /* 10 of 30 wait, whatever segments still lie there */
	assert_int_equal(spool_batches(rig->spool), 10);
	spool_ack(rig->spool, 5); /* an old one */
	assert_int_equal(spool_first_unacked(rig->spool), 21);
	spool_ack(rig->spool, UINT64_MAX); /* a collector that lies */
	assert_int_equal(spool_first_unacked(rig->spool), 31);
	assert_int_equal(spool_bytes(rig->spool), 0);
	rig_fill(rig, 1);
	assert_int_equal(rig_read(rig, spool_first_unacked(rig->spool)), 31);
	/* A collector that has lost its state may still have what lies in the open segment. */
	assert_in_range(rig_read(rig, 1), 2, 30);
	assert_int_equal(spool_dropped_batches(rig->spool), 0);
}

static void at_the_bound_the_oldest_goes_and_is_counted_exactly(void **state)
{
	struct rig *rig = *state;
	uint64_t appended = 0, held = 0, first, first_gap_from = 0;

	rig_open(rig);
	while (rig->gaps_told < 3) {
		uint64_t before = spool_first_unacked(rig->spool);

		rig_fill(rig, 1);
		appended++;
		if (!rig->was_dropped)
			continue;
		first = spool_first_unacked(rig->spool);
		assert_int_equal(rig->gap.reason, GAP_SPOOL_DROPPED);
		assert_int_equal(rig->gap.type, 0);
		assert_int_equal(rig->gap.count, (first - before) * RIG_FACTS);
		assert_int_equal(rig->gap.from_ns, before * RIG_BATCH_NS);
		assert_int_equal(rig->gap.to_ns, (first - 1) * RIG_BATCH_NS + (RIG_FACTS - 1) * BATCHES_STEP_NS);
		assert_true(rig->gap.from_ns > first_gap_from);
		first_gap_from = rig->gap.from_ns;
	}
	assert_true(spool_bytes(rig->spool) <= rig->options.max_bytes);
	for (uint64_t seq = rig_read(rig, 1); seq; seq = rig_read(rig, seq + 1))
		held++;
	assert_int_equal(rig->facts_dropped + held * RIG_FACTS, appended * RIG_FACTS);
	assert_int_equal(spool_dropped_batches(rig->spool), appended - held);
	assert_int_equal(spool_batches(rig->spool), held);
}

static void what_was_acknowledged_is_no_loss(void **state)
{
	struct rig *rig = *state;
	uint64_t before;

	rig_open(rig);
	do {
		rig_fill(rig, 1);
		before = spool_first_unacked(rig->spool);
		if (spool_next_seq(rig->spool) == 4)
			spool_ack(rig->spool, 2);
	} while (!rig->was_dropped);
	assert_true(before > 4);
	assert_int_equal(rig->gap.count, (before - 1 - 2) * RIG_FACTS);
	assert_int_equal(rig->gap.from_ns, 3 * RIG_BATCH_NS);
}

static void a_drop_below_the_reader_is_followed(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 2);
	assert_int_equal(rig_read(rig, 1), 1);
	while (rig->gaps_told < 2)
		rig_fill(rig, 1);
	/* Its open file lasts, or the reader is at what is held: in order and never back in either case. */
	assert_true(rig_read(rig, 2) >= 2);
	assert_int_equal(rig_read(rig, 1), spool_first_unacked(rig->spool));
}

static void a_gap_of_an_earlier_boot_has_no_times(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 15); /* more than a segment */
	memset(&rig->batches.boot, 2, sizeof(rig->batches.boot));
	while (!rig->was_dropped)
		rig_fill(rig, 1);
	assert_true(rig->gap.count > 0);
	assert_int_equal(rig->gap.from_ns, 0);
	assert_int_equal(rig->gap.to_ns, 0);
}

static void damage_becomes_a_dated_gap(void **state)
{
	struct rig *rig = *state;
	char names[8][NAME_MAX + 1];

	rig_open(rig);
	rig_fill(rig, 6);
	rig_close(rig);
	assert_true(folder_segments(&rig->folder, names, 8) >= 1);
	/* Behind the header of the second record. */
	assert_int_equal(
	    folder_flip(&rig->folder, names[0], 1024 + (folder_size(&rig->folder, names[0]) - 1024) / 6 + 60, 1, 1), 0);
	rig_open(rig);
	assert_int_equal(rig->recovery.lost_records, 1);
	assert_int_equal(rig_read(rig, 1), 1);
	assert_int_equal(rig_read(rig, 2), 3);
	assert_int_equal(rig_read(rig, 2), 3); /* told once */
	assert_int_equal(spool_dropped_batches(rig->spool), 1);
	rig_fill(rig, 1);
	assert_true(rig->was_dropped);
	assert_int_equal(rig->gap.reason, GAP_SPOOL_DAMAGED);
	assert_int_equal(rig->gap.count, 0);
	assert_int_equal(rig->gap.from_ns, 1 * RIG_BATCH_NS + (RIG_FACTS - 1) * BATCHES_STEP_NS);
	assert_int_equal(rig->gap.to_ns, 3 * RIG_BATCH_NS);
	rig_fill(rig, 1);
	assert_false(rig->was_dropped);
}

static void numbers_that_were_acknowledged_are_not_given_again(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 3);
	rig_close(rig);
	/* The log has lost its tail to a power cut, the position has not. */
	assert_int_equal(acked_write(rig->folder.path, rig->batches.stream, 9), 0);
	rig_open(rig);
	assert_int_equal(spool_next_seq(rig->spool), 10);
	assert_int_equal(spool_batches(rig->spool), 0);
	rig_fill(rig, 1);
	assert_int_equal(rig_read(rig, spool_first_unacked(rig->spool)), 10);
	assert_int_equal(spool_dropped_batches(rig->spool), 0);
}

/* What it still held is owed as a loss, counted exactly, and the numbers begin anew. */
static void a_spool_that_was_set_back_begins_a_new_stream(void **state)
{
	struct rig *rig = *state;
	uint64_t old;

	rig_open(rig);
	old = spool_stream(rig->spool);
	rig_fill(rig, 5);
	spool_ack(rig->spool, 2);
	while (spool_renew(rig->spool) == -EBUSY) /* a sync is under way */
		(void)uv_run(&rig->loop, UV_RUN_ONCE);
	assert_true(spool_stream(rig->spool) != old);
	assert_int_equal(spool_next_seq(rig->spool), 1);
	assert_int_equal(spool_batches(rig->spool), 0);
	assert_int_equal(spool_dropped_batches(rig->spool), 3);
	rig->batches.stream = spool_stream(rig->spool);
	assert_int_equal(rig_append(rig), 0);
	assert_true(rig->was_dropped);
	assert_int_equal(rig->gap.reason, GAP_SPOOL_DROPPED);
	assert_int_equal(rig_read(rig, 1), 1);
	rig_reopen(rig);
	assert_int_equal(spool_stream(rig->spool), rig->batches.stream);
	assert_int_equal(spool_first_unacked(rig->spool), 1);
	assert_int_equal(spool_next_seq(rig->spool), 2);
}

static void a_damaged_position_only_sends_again(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	rig_fill(rig, 3);
	spool_ack(rig->spool, 2);
	rig_close(rig);
	assert_int_equal(acked_read(rig->folder.path, rig->batches.stream), 2);
	assert_int_equal(acked_read(rig->folder.path, rig->batches.stream + 1), 0);
	assert_int_equal(folder_flip(&rig->folder, ACKED_FILE, 16, 1, 0xff), 0);
	rig_open(rig);
	assert_int_equal(spool_first_unacked(rig->spool), 1);
	assert_int_equal(rig_read(rig, 1), 1);
}

static void count_appends(void *owner)
{
	++*(int *)owner;
}

static void the_listener_hears_each_append(void **state)
{
	struct rig *rig = *state;
	int heard = 0;

	rig_open(rig);
	spool_on_append(rig->spool, count_appends, &heard);
	rig_fill(rig, 3);
	assert_int_equal(heard, 3);
	spool_on_append(rig->spool, NULL, NULL);
	rig_fill(rig, 1);
	assert_int_equal(heard, 3);
}

struct eager {
	struct rig *rig;
	uint64_t found[4];
	unsigned count;
};

/* As the uplink does: what was told of is read at once. The last one lets its batch wait. */
static void read_at_once(void *owner)
{
	struct eager *eager = owner;

	if (eager->count < 3)
		eager->found[eager->count] = rig_read(eager->rig, spool_next_seq(eager->rig->spool) - 1);
	eager->count++;
}

static void the_listener_may_read_what_it_is_told_of(void **state)
{
	struct rig *rig = *state;
	struct eager eager = {.rig = rig};

	rig_open(rig);
	spool_on_append(rig->spool, read_at_once, &eager);
	rig_fill(rig, 4);
	spool_on_append(rig->spool, NULL, NULL);
	assert_int_equal(eager.count, 4);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(eager.found[i], i + 1);
	for (uint64_t seq = 4; seq > 0; seq--) /* and what is on disk is the same, in any order */
		assert_int_equal(rig_read(rig, seq), seq);
	assert_int_equal(rig_read(rig, 5), 0);
}

static void an_idle_spool_lets_the_loop_end(void **state)
{
	struct rig *rig = *state;

	rig_open(rig);
	assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
	rig_fill(rig, 3);
	/* The timer, the sync, and nothing more. */
	assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(spool_error(rig->spool), 0);
}

static void a_spool_in_use_is_refused(void **state)
{
	struct rig *rig = *state;
	struct spool *second;
	char *why = NULL;

	rig_open(rig);
	assert_int_equal(spool_open(&second, &rig->loop, &rig->options, NULL, &why), -EBUSY);
	assert_non_null(strstr(why, rig->folder.path));
	free(why);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(batches_come_back_by_seq),
	    TEST(stream_and_seq_go_on_after_a_restart),
	    TEST(two_spools_are_two_streams),
	    TEST(an_ack_trims_and_is_bounded),
	    TEST(at_the_bound_the_oldest_goes_and_is_counted_exactly),
	    TEST(what_was_acknowledged_is_no_loss),
	    TEST(a_drop_below_the_reader_is_followed),
	    TEST(a_gap_of_an_earlier_boot_has_no_times),
	    TEST(damage_becomes_a_dated_gap),
	    TEST(numbers_that_were_acknowledged_are_not_given_again),
	    TEST(a_spool_that_was_set_back_begins_a_new_stream),
	    TEST(a_damaged_position_only_sends_again),
	    TEST(the_listener_hears_each_append),
	    TEST(the_listener_may_read_what_it_is_told_of),
	    TEST(an_idle_spool_lets_the_loop_end),
	    TEST(a_spool_in_use_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
