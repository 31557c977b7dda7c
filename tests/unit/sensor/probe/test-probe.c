/* SPDX-License-Identifier: Apache-2.0 */
/* The reader in a real loop, over a kernel side that is made of memory: the functions of probe/program.c stand here, and the test is the one who
 * submits. An eventfd says that the ring holds something, as the map itself does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor/probe/probe.h"
#include "sensor/probe/program.h"
#include "tests/unit/loop.h"
#include "tests/unit/sensor/probe/fake-ring.h"

#define RING ((size_t)1024 * 1024)

static struct {
	struct fake_ring ring;
	int bell;      /* readable while the ring holds something that nobody was told of */
	bool mapped;   /* the reader has its ring: whoever asks for the descriptor now wants to wait for it */
	bool iterator;
	int iterated;  /* what program_iterate answers with */
	unsigned lose_at_iterate; /* so many records of the iterator find no room */
	unsigned iterated_behind; /* events that the sink had when the iterator began */
	struct event_count counts[EVENT_TYPES];
	uint64_t missed[EVENT_TYPES];
	unsigned epochs;
} kernel;

static struct {
	uv_loop_t loop;
	struct probe *probe;
	unsigned events, of_type[EVENT_TYPES], drained, snapshots, gaps;
	uint32_t last_tgid;
	struct gap gap;
	struct snapshot_mark mark;
	unsigned own;           /* records of this process */
	bool own_argv;
	uint64_t own_start_ns;
	struct process_key self, parent; /* of the last event */
	bool stop_at_event, stopped;
	unsigned lose_at_event; /* this many are lost while an event is handed over */
	unsigned silent[3];     /* sizes of bursts that come, without a bell, once the one before was drained */
} seen;

/* ---- the kernel side --------------------------------------------------------------------------------------------- */

int program_init(struct program *program, const struct probe_options *options, char **ret_why)
{
	(void)options;
	(void)ret_why;
	*program = (struct program){.form = {.mode = PROBE_TYPED}, .iterator = kernel.iterator, .cpus = 1};
	return 0;
}

void program_finish(struct program *program)
{
	(void)program;
}

int program_ring_fd(const struct program *program)
{
	(void)program;
	return kernel.mapped ? kernel.bell : kernel.ring.fd;
}

size_t program_ring_bytes(const struct program *program)
{
	(void)program;
	return RING;
}

int program_iterate(const struct program *program)
{
	(void)program;
	kernel.iterated_behind = seen.events;
	kernel.counts[EVENT_SNAPSHOT].lost += kernel.lose_at_iterate;
	return kernel.iterated;
}

int program_count(const struct program *program, enum event_type type, struct event_count *ret)
{
	(void)program;
	*ret = kernel.counts[type];
	return 0;
}

void program_next_epoch(struct program *program)
{
	(void)program;
	kernel.epochs++;
}

struct skips program_skips(const struct program *program, enum event_type type)
{
	(void)program;
	return (struct skips){.skipped = kernel.missed[type]};
}

bool program_is_steady(const struct program *program)
{
	(void)program;
	return false;
}

/* Without ringing: as the kernel does while the reader is behind. */
static void submit(uint32_t type, uint32_t tgid)
{
	struct event event = {.size = sizeof(event), .type = type, .tgid = tgid, .start_ns = 1000 + tgid, .time_ns = 5};

	(void)fake_ring_write(&kernel.ring, &event, sizeof(event), 0);
}

static void ring_bell(void)
{
	assert_int_equal(eventfd_write(kernel.bell, 1), 0);
}

/* ---- the sink ---------------------------------------------------------------------------------------------------- */

static void on_stopped(void *owner)
{
	(void)owner;
	seen.stopped = true;
}

static void on_event(void *owner, const struct event *event)
{
	(void)owner;
	seen.events++;
	seen.of_type[event->type]++;
	seen.last_tgid = event->tgid;
	seen.self = (struct process_key){.start_ns = event->start_ns, .tgid = event->tgid};
	seen.parent = (struct process_key){.start_ns = event->parent_start_ns, .tgid = event->parent_tgid};
	if (event->tgid == (uint32_t)getpid() && event->type == EVENT_SNAPSHOT) {
		seen.own++;
		seen.own_start_ns = event->start_ns;
		seen.own_argv = event->flags & EVENT_ARGV_KNOWN && event->string_bytes[EVENT_ARGV] > 0;
	}
	kernel.counts[EVENT_SNAPSHOT].lost += seen.lose_at_event;
	if (seen.stop_at_event && !seen.stopped) {
		seen.stop_at_event = false;
		probe_stop(seen.probe, on_stopped, NULL);
	}
}

static void on_gap(void *owner, const struct gap *gap)
{
	(void)owner;
	seen.gaps++;
	seen.gap = *gap;
}

static void on_snapshot(void *owner, const struct snapshot_mark *mark)
{
	(void)owner;
	seen.snapshots++;
	seen.mark = *mark;
}

/* The reader has caught up: the map would not be readable any more. */
static void on_drained(void *owner)
{
	eventfd_t rung;

	(void)owner;
	(void)eventfd_read(kernel.bell, &rung);
	for (unsigned i = 0; seen.drained < 3 && i < seen.silent[seen.drained]; i++)
		submit(EVENT_FORK, 1 + i);
	seen.drained++;
}

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	memset(&seen, 0, sizeof(seen));
	fake_ring_open(&kernel.ring, RING);
	kernel.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	kernel.iterated = -EOPNOTSUPP;
	return kernel.bell < 0 ? -1 : uv_loop_init(&seen.loop);
}

static void open_probe(bool run)
{
	const struct probe_options options = PROBE_OPTIONS_DEFAULT;
	const struct probe_sink sink = {.event = on_event, .gap = on_gap, .snapshot = on_snapshot, .drained = on_drained};

	assert_int_equal(probe_open(&seen.probe, &options, &sink, NULL), 0);
	kernel.mapped = true;
	if (run)
		assert_int_equal(probe_run(seen.probe, &seen.loop), 0);
}

static int teardown(void **state)
{
	(void)state;
	if (seen.probe && !seen.stopped)
		probe_stop(seen.probe, NULL, NULL);
	(void)uv_run(&seen.loop, UV_RUN_DEFAULT);
	probe_close(seen.probe);
	fake_ring_close(&kernel.ring);
	(void)close(kernel.bell);
	return uv_loop_close(&seen.loop);
}

static bool has_events(void *owner)
{
	return seen.events >= *(unsigned *)owner;
}

static void wait_events(unsigned count)
{
	assert_true(loop_until(&seen.loop, has_events, &count));
}

#define TURNS_MAX 100u /* of the loop until it sleeps: far more than anything here needs */

/* Turns the loop until no timer runs: it would sleep until the kernel rings. */
static void fall_asleep(void)
{
	unsigned turns = 0;

	while (uv_backend_timeout(&seen.loop) != -1 && turns++ < TURNS_MAX)
		(void)uv_run(&seen.loop, UV_RUN_ONCE);
	assert_int_equal(uv_backend_timeout(&seen.loop), -1);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void what_gathered_before_is_taken_without_a_bell(void **state)
{
	(void)state;
	open_probe(false);
	submit(EVENT_FORK, 10);
	submit(EVENT_EXIT, 10);
	assert_int_equal(probe_run(seen.probe, &seen.loop), 0);
	wait_events(2);
	assert_int_equal(seen.of_type[EVENT_FORK], 1);
	assert_int_equal(seen.of_type[EVENT_EXIT], 1);
}

/* A quiet machine wakes nobody: after what there was the last timer is the look for losses, once. */
static void a_quiet_reader_has_no_timer(void **state)
{
	unsigned epochs;

	(void)state;
	open_probe(true);
	for (unsigned round = 1; round <= 2; round++) {
		submit(EVENT_FORK, round);
		ring_bell();
		wait_events(round);
		epochs = kernel.epochs;
		fall_asleep();
		assert_true(kernel.epochs <= epochs + 1);
	}
	assert_int_equal(kernel.epochs, 2);
}

static void what_comes_together_is_one_drain(void **state)
{
	unsigned before;

	(void)state;
	open_probe(true);
	submit(EVENT_FORK, 1);
	wait_events(1);
	before = seen.drained;
	for (uint32_t tgid = 2; tgid < 7; tgid++) {
		submit(EVENT_FORK, tgid);
		ring_bell(); /* each of them rings, as with a reader that has caught up */
	}
	wait_events(6);
	assert_int_equal(seen.drained, before + 1);
}

/* Under load the next pause begins at once: what the kernel does not ring for is found, too. */
static void a_busy_reader_does_not_wait_to_be_rung_for(void **state)
{
	(void)state;
	open_probe(true);
	seen.silent[0] = 100;
	seen.silent[1] = 100;
	seen.silent[2] = 1; /* the last one still falls into a pause */
	for (uint32_t tgid = 0; tgid < 100; tgid++)
		submit(EVENT_FORK, 1 + tgid);
	wait_events(301);
	fall_asleep();
	assert_int_equal(seen.drained, 4);
}

static void a_storm_lets_the_loop_turn(void **state)
{
	(void)state;
	open_probe(false);
	for (uint32_t tgid = 0; *fake_ring_producer(&kernel.ring) + 512 < RING; tgid++)
		submit(EVENT_FORK, 1 + tgid);
	seen.stop_at_event = true; /* and a sink may stop it in the midst */
	assert_int_equal(probe_run(seen.probe, &seen.loop), 0);
	(void)uv_run(&seen.loop, UV_RUN_DEFAULT);
	assert_true(seen.stopped);
	assert_true(probe_drain(seen.probe) >= 0); /* what is left is taken by hand */
	assert_int_equal(seen.last_tgid, seen.events);
}

static void records_of_others_are_passed_over(void **state)
{
	struct event event = {.size = sizeof(event), .type = EVENT_TYPES, .tgid = 1};

	(void)state;
	open_probe(false);
	(void)fake_ring_write(&kernel.ring, &event, sizeof(event), 0); /* a type that there is not */
	event = (struct event){.size = sizeof(event) + 8, .type = EVENT_FORK, .tgid = 2};
	(void)fake_ring_write(&kernel.ring, &event, sizeof(event), 0); /* longer than it is */
	event.size = sizeof(event);
	(void)fake_ring_write(&kernel.ring, &event, sizeof(event) / 2, 0);
	submit(EVENT_FORK, 4);
	assert_int_equal(probe_drain(seen.probe), 1);
	assert_int_equal(seen.events, 1);
	assert_int_equal(seen.last_tgid, 4);
}

static bool has_snapshot(void *owner)
{
	(void)owner;
	return seen.snapshots > 0;
}

static void a_loss_is_told_and_what_lives_is_listed_again(void **state)
{
	struct probe_stats stats;

	(void)state;
	open_probe(true);
	kernel.counts[EVENT_EXEC] = (struct event_count){.lost = 7, .first_ns = 100, .last_ns = 200, .submitted = 3};
	submit(EVENT_FORK, 1);
	ring_bell();
	assert_true(loop_until(&seen.loop, has_snapshot, NULL));
	assert_int_equal(seen.gaps, 1);
	assert_int_equal(seen.gap.type, EVENT_EXEC);
	assert_int_equal(seen.gap.count, 7);
	assert_int_equal(seen.gap.reason, GAP_RING_FULL);
	assert_int_equal(seen.gap.from_ns, 100);
	assert_int_equal(seen.gap.to_ns, 200);
	assert_true(seen.mark.begin_ns <= seen.mark.end_ns);
	probe_stats(seen.probe, &stats);
	assert_int_equal(stats.lost[EVENT_EXEC], 7);
	assert_int_equal(stats.submitted[EVENT_EXEC], 3);
	assert_int_equal(stats.received[EVENT_FORK], 1);
	assert_int_equal(stats.snapshots, 1);
	fall_asleep(); /* and it is quiet again */
	assert_int_equal(seen.gaps, 1);
}

static void without_an_iterator_proc_lists_this_process(void **state)
{
	(void)state;
	open_probe(false);
	assert_int_equal(probe_snapshot(seen.probe), 0);
	assert_int_equal(seen.snapshots, 1);
	assert_int_equal(seen.drained, 1); /* what it told may go out now, and not piece by piece */
	if (seen.events == 0)
		skip(); /* /proc of another pid namespace */
	assert_int_equal(seen.own, 1);
	assert_true(seen.own_argv);
}

/* An iterator that lists nobody. */
static void iterate_nobody(void)
{
	int marks[2];

	kernel.iterator = true;
	assert_int_equal(pipe(marks), 0);
	(void)close(marks[1]);
	kernel.iterated = marks[0]; /* closed by the reader */
}

/* The last look: with the maps the counts are gone. */
static void what_was_lost_is_told_by_the_last_drain(void **state)
{
	(void)state;
	open_probe(true);
	probe_stop(seen.probe, on_stopped, NULL);
	(void)uv_run(&seen.loop, UV_RUN_DEFAULT);
	submit(EVENT_FORK, 1);
	kernel.counts[EVENT_EXIT] = (struct event_count){.lost = 5, .first_ns = 100, .last_ns = 200};
	kernel.missed[EVENT_FORK] = 2;
	assert_int_equal(probe_drain(seen.probe), 1);
	assert_int_equal(seen.gaps, 2);
	assert_int_equal(seen.gap.type, EVENT_EXIT);
	assert_int_equal(seen.gap.count, 5);
	assert_int_equal(probe_drain(seen.probe), 0);
	assert_int_equal(seen.gaps, 2);
}

/* A storm has filled the ring: the records of the list need its room. */
static void a_snapshot_begins_with_an_empty_ring(void **state)
{
	(void)state;
	iterate_nobody();
	open_probe(false);
	submit(EVENT_FORK, 1);
	submit(EVENT_FORK, 2);
	assert_int_equal(probe_snapshot(seen.probe), 0);
	assert_int_equal(kernel.iterated_behind, 2);
}

/* Whose record was lost is not taken for one that the iterator left out: /proc knows neither his exact start nor his ordinal. */
static void a_lost_record_is_not_made_up_from_proc(void **state)
{
	(void)state;
	iterate_nobody();
	kernel.lose_at_iterate = 1;
	open_probe(false);
	assert_int_equal(probe_snapshot(seen.probe), -EAGAIN);
	assert_int_equal(seen.of_type[EVENT_SNAPSHOT], 0);
	assert_int_equal(seen.snapshots, 0);
	kernel.lose_at_iterate = 0;
	iterate_nobody();
	assert_int_equal(probe_snapshot(seen.probe), 0);
	assert_int_equal(seen.snapshots, 1);
}

/* Whom the iterator has told of is not told of again by /proc, and gets his arguments from there. */
static void who_has_a_record_of_the_iterator_has_only_that(void **state)
{
	int marks[2];

	(void)state;
	kernel.iterator = true;
	assert_int_equal(pipe(marks), 0);
	assert_int_equal(write(marks[1], "xx", 2), 2);
	(void)close(marks[1]);
	kernel.iterated = marks[0]; /* closed by the reader */
	open_probe(false);
	submit(EVENT_SNAPSHOT, (uint32_t)getpid());
	assert_int_equal(probe_snapshot(seen.probe), 0);
	assert_int_equal(seen.own, 1);
	assert_int_equal(seen.snapshots, 1);
}

/* An exec of this process, and a fork by it, as the kernel tells them: its start is exact. */
static void submit_exact(uint64_t start_ns)
{
	struct event event = {.size = sizeof(event), .type = EVENT_EXEC, .tgid = (uint32_t)getpid(), .start_ns = start_ns};

	(void)fake_ring_write(&kernel.ring, &event, sizeof(event), 0);
	assert_int_equal(probe_drain(seen.probe), 1);
	assert_int_equal(seen.self.tgid, getpid());
	event = (struct event){.size = sizeof(event), .type = EVENT_FORK, .tgid = 7, .start_ns = 12345678901};
	event.parent_tgid = event.creator_tgid = event.reaper_tgid = (uint32_t)getpid();
	event.parent_start_ns = event.creator_start_ns = event.reaper_start_ns = start_ns;
	(void)fake_ring_write(&kernel.ring, &event, sizeof(event), 0);
	assert_int_equal(probe_drain(seen.probe), 1);
}

/* Listed by /proc to a tick, told live to the nanosecond: one process, whichever comes first. */
static void a_process_of_proc_is_not_told_twice(void **state)
{
	(void)state;
	open_probe(false);
	assert_int_equal(probe_snapshot(seen.probe), 0);
	if (seen.own == 0)
		skip();
	submit_exact(seen.own_start_ns + 3456789);
	assert_true(seen.parent.start_ns == seen.own_start_ns);
	assert_true(seen.self.start_ns == 12340000000); /* and its child's is rounded as /proc will tell it */
	assert_int_equal(probe_snapshot(seen.probe), 0);
	submit_exact(seen.own_start_ns + 9999999);
	assert_true(seen.parent.start_ns == seen.own_start_ns);
	submit_exact(seen.own_start_ns + 20000001); /* a later process of that pid */
	assert_true(seen.parent.start_ns == seen.own_start_ns + 20000000);
}

/* With an iterator that left it out: only its own time is rounded. */
static void who_was_left_out_keeps_the_time_it_was_told_with(void **state)
{
	(void)state;
	iterate_nobody();
	open_probe(false);
	submit_exact(1234567); /* nobody was told of from /proc yet */
	assert_true(seen.parent.start_ns == 1234567);
	assert_int_equal(probe_snapshot(seen.probe), 0);
	if (seen.own == 0)
		skip();
	submit_exact(seen.own_start_ns + 3456789);
	assert_true(seen.parent.start_ns == seen.own_start_ns);
	assert_true(seen.self.start_ns == 12345678901);
	submit_exact(seen.own_start_ns + 20000001);
	assert_true(seen.parent.start_ns == seen.own_start_ns + 20000001);
}

static void a_snapshot_with_losses_gets_no_mark(void **state)
{
	(void)state;
	open_probe(false);
	submit(EVENT_FORK, 1);
	seen.lose_at_event = 1;
	assert_int_equal(probe_snapshot(seen.probe), -EAGAIN);
	assert_int_equal(seen.snapshots, 0);
	seen.lose_at_event = 0;
	assert_int_equal(probe_snapshot(seen.probe), 0);
	assert_int_equal(seen.snapshots, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_gathered_before_is_taken_without_a_bell),
		TEST(a_quiet_reader_has_no_timer),
		TEST(what_comes_together_is_one_drain),
		TEST(a_busy_reader_does_not_wait_to_be_rung_for),
		TEST(a_storm_lets_the_loop_turn),
		TEST(records_of_others_are_passed_over),
		TEST(a_loss_is_told_and_what_lives_is_listed_again),
		TEST(without_an_iterator_proc_lists_this_process),
		TEST(what_was_lost_is_told_by_the_last_drain),
		TEST(a_snapshot_begins_with_an_empty_ring),
		TEST(a_lost_record_is_not_made_up_from_proc),
		TEST(who_has_a_record_of_the_iterator_has_only_that),
		TEST(a_process_of_proc_is_not_told_twice),
		TEST(who_was_left_out_keeps_the_time_it_was_told_with),
		TEST(a_snapshot_with_losses_gets_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
