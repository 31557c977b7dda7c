/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/probe/losses.h"

/* The kernel side, as this test dictates it: these stand in place of the ones that ask the kernel. */
static struct event_count counts[EVENT_TYPES];
static struct skips skips[EVENT_TYPES];
static unsigned epochs;

int program_count(const struct program *program, enum event_type type, struct event_count *ret)
{
	*ret = counts[type];
	return 0;
}

struct skips program_skips(const struct program *program, enum event_type type)
{
	return skips[type];
}

void program_next_epoch(struct program *program)
{
	epochs++;
}

#define TOLD_MAX 8

struct told {
	struct gap gaps[TOLD_MAX];
	size_t count;
};

static void on_gap(void *owner, const struct gap *gap)
{
	struct told *told = owner;

	assert_true(told->count < TOLD_MAX);
	told->gaps[told->count++] = *gap;
}

static struct told look_at(struct losses *losses, bool doubled, uint64_t now_ns, bool last)
{
	struct told told = {0};
	struct probe_sink sink = {.owner = &told, .gap = on_gap};
	struct program program = PROGRAM_NULL;
	int gaps;

	program.doubled = doubled;
	gaps = losses_collect(losses, &program, now_ns, last, &sink);

	assert_int_equal(gaps, told.count);
	assert_int_equal(losses->looked_ns, now_ns);
	return told;
}

/* Where each hook is attached once. */
static struct told look(struct losses *losses, uint64_t now_ns)
{
	return look_at(losses, false, now_ns, false);
}

static void is_gap(const struct gap *gap, uint32_t type, uint32_t reason, uint64_t count, uint64_t from_ns, uint64_t to_ns)
{
	assert_int_equal(gap->type, type);
	assert_int_equal(gap->reason, reason);
	assert_int_equal(gap->count, count);
	assert_int_equal(gap->from_ns, from_ns);
	assert_int_equal(gap->to_ns, to_ns);
}

static int reset(void **state)
{
	memset(counts, 0, sizeof(counts));
	memset(skips, 0, sizeof(skips));
	epochs = 0;
	return 0;
}

static void each_kind_is_a_gap_of_its_own(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct told told;

	counts[EVENT_FORK] = (struct event_count){.submitted = 9, .lost = 5, .first_ns = 110, .last_ns = 120};
	counts[EVENT_EXEC] = (struct event_count){.failed = 2, .first_ns = 130, .last_ns = 131};
	skips[EVENT_EXIT] = (struct skips){.skipped = 7};
	told = look(&losses, 200);
	assert_int_equal(told.count, 3);
	is_gap(&told.gaps[0], EVENT_FORK, GAP_RING_FULL, 5, 110, 120);
	is_gap(&told.gaps[1], EVENT_EXEC, GAP_MAP_FAILED, 2, 130, 131);
	is_gap(&told.gaps[2], EVENT_EXIT, GAP_RECURSION, 7, 100, 200); /* the kernel does not date what it skips */
	assert_int_equal(epochs, 1);
}

static void both_of_one_type_are_apart(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct told told;

	counts[EVENT_EXEC] = (struct event_count){.lost = 3, .failed = 4, .first_ns = 110, .last_ns = 120};
	told = look(&losses, 200);
	assert_int_equal(told.count, 2);
	is_gap(&told.gaps[0], EVENT_EXEC, GAP_RING_FULL, 3, 110, 120);
	is_gap(&told.gaps[1], EVENT_EXEC, GAP_MAP_FAILED, 4, 110, 120);
}

static void what_was_told_is_not_told_again(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct told told;

	counts[EVENT_EXIT] = (struct event_count){.lost = 5, .first_ns = 110, .last_ns = 120};
	assert_int_equal(look(&losses, 200).count, 1);
	counts[EVENT_EXIT] = (struct event_count){.lost = 5};
	assert_int_equal(look(&losses, 300).count, 0);
	counts[EVENT_EXIT].lost = 8; /* in the instant between two epochs: undated, so it fell since the last look */
	told = look(&losses, 400);
	assert_int_equal(told.count, 1);
	is_gap(&told.gaps[0], EVENT_EXIT, GAP_RING_FULL, 3, 300, 400);
}

static void a_snapshot_that_lost_something_is_told(void **state)
{
	struct losses losses = {0};
	struct told told;

	counts[EVENT_SNAPSHOT] = (struct event_count){.lost = 1, .first_ns = 5, .last_ns = 5};
	told = look(&losses, 10);
	assert_int_equal(told.count, 1);
	is_gap(&told.gaps[0], EVENT_SNAPSHOT, GAP_RING_FULL, 1, 5, 5);
}

/* A second copy that did again what the first had done is no rescue that a later loss could be set off against. */
static void a_rescue_of_nothing_hides_no_loss(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct program program = PROGRAM_NULL;
	struct told told;

	skips[EVENT_EXIT] = (struct skips){.rescued = 3};
	assert_int_equal(look_at(&losses, true, 200, false).count, 0);
	assert_int_equal(look_at(&losses, true, 300, false).count, 0);
	skips[EVENT_EXIT].skipped = 2;
	assert_int_equal(losses_missed(&losses, &program, EVENT_EXIT), 2);
	assert_int_equal(look_at(&losses, true, 400, false).count, 0);
	told = look_at(&losses, true, 500, false);
	assert_int_equal(told.count, 1);
	is_gap(&told.gaps[0], EVENT_EXIT, GAP_RECURSION, 2, 300, 400);
	assert_int_equal(losses_missed(&losses, &program, EVENT_EXIT), 2);
	skips[EVENT_EXIT].rescued = 4; /* behind a loss that was told */
	assert_int_equal(look_at(&losses, true, 600, false).count, 0);
	assert_int_equal(look_at(&losses, true, 700, false).count, 0);
	skips[EVENT_EXIT].skipped = 3;
	told = look_at(&losses, true, 800, true);
	assert_int_equal(told.count, 1);
	is_gap(&told.gaps[0], EVENT_EXIT, GAP_RECURSION, 1, 700, 800);
	assert_int_equal(losses_missed(&losses, &program, EVENT_EXIT), 3);
}

/* The look itself takes time: a rescue can be seen whose skip was counted behind the look at skips. And the first copy that finds the second one to be
 * called ahead of it takes back what that one had counted as a rescue. */
static void a_rescue_seen_before_its_skip_makes_no_loss(void **state)
{
	struct losses losses = {.looked_ns = 100};

	skips[EVENT_EXIT] = (struct skips){.skipped = 4, .rescued = 5};
	skips[EVENT_EXEC] = (struct skips){.rescued = 1};
	assert_int_equal(look_at(&losses, true, 200, false).count, 0);
	assert_true(losses_suspected(&losses));
	skips[EVENT_EXIT] = (struct skips){.skipped = 5, .rescued = 5};
	skips[EVENT_EXEC] = (struct skips){.rescued = 0};
	assert_int_equal(look_at(&losses, true, 300, false).count, 0);
	assert_false(losses_suspected(&losses));
	assert_int_equal(look_at(&losses, true, 400, true).count, 0);
}

/* Who is about to do it can wait for the CPU longer than any look. */
static void what_is_rescued_by_the_next_look_was_not_lost(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct program program = PROGRAM_NULL;

	skips[EVENT_EXIT] = (struct skips){.skipped = 3, .rescued = 1};
	assert_int_equal(look_at(&losses, true, 200, false).count, 0);
	assert_true(losses_suspected(&losses));
	assert_int_equal(losses_missed(&losses, &program, EVENT_EXIT), 2);
	skips[EVENT_EXIT].rescued = 3;
	assert_int_equal(look_at(&losses, true, 300, false).count, 0);
	assert_false(losses_suspected(&losses));
	assert_int_equal(look_at(&losses, true, 400, true).count, 0);
}

static void what_is_not_is_told_with_the_time_in_which_it_was_skipped(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct told told;

	skips[EVENT_EXIT] = (struct skips){.skipped = 2};
	assert_int_equal(look_at(&losses, true, 200, false).count, 0);
	skips[EVENT_EXIT] = (struct skips){.skipped = 5, .rescued = 1}; /* of those, and three more */
	told = look_at(&losses, true, 300, false);
	assert_int_equal(told.count, 1);
	is_gap(&told.gaps[0], EVENT_EXIT, GAP_RECURSION, 2, 100, 200);
	assert_true(losses_suspected(&losses));
	skips[EVENT_EXIT].rescued = 2;
	told = look_at(&losses, true, 400, false);
	assert_int_equal(told.count, 1);
	is_gap(&told.gaps[0], EVENT_EXIT, GAP_RECURSION, 1, 200, 300);
	assert_false(losses_suspected(&losses));
	assert_int_equal(look_at(&losses, true, 500, false).count, 0);
}

static void the_last_look_waits_for_no_rescue(void **state)
{
	struct losses losses = {.looked_ns = 100};
	struct told told;

	skips[EVENT_FORK] = (struct skips){.skipped = 2};
	skips[EVENT_EXIT] = (struct skips){.skipped = 1};
	assert_int_equal(look_at(&losses, true, 200, false).count, 0);
	skips[EVENT_EXIT].skipped = 4;
	skips[EVENT_EXEC] = (struct skips){.skipped = 1};
	told = look_at(&losses, true, 300, true);
	assert_int_equal(told.count, 3);
	is_gap(&told.gaps[0], EVENT_FORK, GAP_RECURSION, 2, 100, 300);
	is_gap(&told.gaps[1], EVENT_EXEC, GAP_RECURSION, 1, 200, 300);
	is_gap(&told.gaps[2], EVENT_EXIT, GAP_RECURSION, 4, 100, 300);
	assert_false(losses_suspected(&losses));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_kind_is_a_gap_of_its_own, reset),
		cmocka_unit_test_setup(both_of_one_type_are_apart, reset),
		cmocka_unit_test_setup(what_was_told_is_not_told_again, reset),
		cmocka_unit_test_setup(a_rescue_of_nothing_hides_no_loss, reset),
		cmocka_unit_test_setup(a_rescue_seen_before_its_skip_makes_no_loss, reset),
		cmocka_unit_test_setup(a_snapshot_that_lost_something_is_told, reset),
		cmocka_unit_test_setup(what_is_rescued_by_the_next_look_was_not_lost, reset),
		cmocka_unit_test_setup(what_is_not_is_told_with_the_time_in_which_it_was_skipped, reset),
		cmocka_unit_test_setup(the_last_look_waits_for_no_rescue, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
