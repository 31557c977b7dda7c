/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/probe/starts.h"

#define TICK 10000000u

static struct event buffer;

static struct event event_of(uint32_t tgid, uint64_t start_ns, uint32_t parent, uint64_t parent_start_ns)
{
	return (struct event){.size = sizeof(struct event),
			      .type = EVENT_FORK,
			      .tgid = tgid,
			      .start_ns = start_ns,
			      .parent_tgid = parent,
			      .parent_start_ns = parent_start_ns};
}

static void with_an_iterator_nothing_is_touched(void **state)
{
	const struct event event = event_of(5, 12345678901, 4, 11111111111);
	struct starts starts;

	(void)state;
	starts_init(&starts, false, TICK, 0);
	assert_ptr_equal(starts_settle(&starts, &event, &buffer), &event);
	starts_note(&starts, (struct process_key){.start_ns = 12345678901, .tgid = 5}); /* told exactly: there is nothing to remember */
	assert_ptr_equal(starts_settle(&starts, &event, &buffer), &event);
	starts_finish(&starts);
}

static void who_was_told_by_proc_is_told_so_again(void **state)
{
	struct event event = event_of(5, 12345678901, 4, 11111111111);
	const struct event *told;
	struct starts starts;

	(void)state;
	starts_init(&starts, false, TICK, 0);
	starts_note(&starts, (struct process_key){.start_ns = 11110000000, .tgid = 4});
	told = starts_settle(&starts, &event, &buffer);
	assert_ptr_equal(told, &buffer);
	assert_true(told->start_ns == 12345678901 && told->parent_start_ns == 11110000000);
	event.parent_start_ns = 11120000000; /* the next tick: another process */
	assert_ptr_equal(starts_settle(&starts, &event, &buffer), &event);
	starts_finish(&starts);
}

static void without_an_iterator_all_are_rounded_as_proc_does(void **state)
{
	struct event event = event_of(5, 12345678901, 4, 11111111111);
	const struct event *told;
	struct starts starts;

	(void)state;
	event.creator_tgid = event.reaper_tgid = 4;
	event.creator_start_ns = 11111111111; /* and of the reaper it is not known */
	starts_init(&starts, true, TICK, 3000000); /* a namespace that is 3 ms ahead: its ticks begin elsewhere */
	told = starts_settle(&starts, &event, &buffer);
	assert_true(told->start_ns == 12337000000);
	assert_true(told->parent_start_ns == 11107000000);
	assert_true(told->creator_start_ns == 11107000000);
	assert_true(told->reaper_start_ns == 0);
	event = *told;
	assert_ptr_equal(starts_settle(&starts, &event, &buffer), &event); /* once is enough */
	starts_finish(&starts);
}

static void what_is_remembered_is_bounded(void **state)
{
	struct event event = event_of(2 * STARTS_MAX, 25000001, 0, 0);
	struct starts starts;

	(void)state;
	starts_init(&starts, false, TICK, 0);
	for (uint32_t tgid = 1; tgid <= 2 * STARTS_MAX; tgid++)
		starts_note(&starts, (struct process_key){.start_ns = 2 * TICK, .tgid = tgid});
	assert_int_equal(starts.rounded.used, STARTS_MAX);
	assert_ptr_equal(starts_settle(&starts, &event, &buffer), &event);
	event.tgid = 1;
	assert_true(starts_settle(&starts, &event, &buffer)->start_ns == 2 * TICK);
	starts_finish(&starts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_an_iterator_nothing_is_touched),
		cmocka_unit_test(who_was_told_by_proc_is_told_so_again),
		cmocka_unit_test(without_an_iterator_all_are_rounded_as_proc_does),
		cmocka_unit_test(what_is_remembered_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
