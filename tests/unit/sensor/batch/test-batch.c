/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/batch/decoder.h"
#include "sensor/batch/batch.h"

#define NEVER_MS 3600000u /* a timer that a test does not wait for */
#define BATCHES_MAX 8u

/* A sink that decodes what it is given. */
struct bed {
	uv_loop_t loop;
	struct refiner *refiner;
	struct batcher *batcher;
	struct arena arena;
	struct batch batches[BATCHES_MAX];
	unsigned count;
	unsigned gaps_to_add; /* while the next batch is handed over */
	bool closed;
};

static void on_next_id(void *owner, struct batch_id *ret)
{
	struct bed *bed = owner;

	*ret = (struct batch_id){.boot = {{7}}, .stream = 9, .seq = bed->count + 1};
}

static void on_batch(void *owner, const struct batch_id *id, const uint8_t *data, size_t len)
{
	struct bed *bed = owner;
	struct batch *batch = &bed->batches[bed->count];

	assert_true(bed->count < BATCHES_MAX);
	assert_int_equal(batch_decode(&bed->arena, data, len, batch, NULL), 0);
	assert_int_equal(batch->id.seq, bed->count + 1);
	assert_int_equal(id->seq, batch->id.seq);
	bed->count++;
	for (unsigned i = 1; bed->gaps_to_add > 0; i++, bed->gaps_to_add--) {
		struct gap gap = {
			.type = FACT_EXEC, .reason = GAP_SPOOL_DROPPED, .from_ns = i, .to_ns = i + 1, .count = 1};

		assert_int_equal(batcher_add_gap(bed->batcher, &gap), 0);
	}
}

static void on_closed(void *owner)
{
	((struct bed *)owner)->closed = true;
}

static struct bed bed;
static struct clock clock_of_tests;

static void start(uint32_t delay_ms)
{
	static const struct refine_options plain = {.redact = false};
	struct batcher_options options = {.delay_ms = delay_ms, .clock = &clock_of_tests};
	const struct batcher_sink sink = {&bed, on_next_id, on_batch};

	memset(&bed, 0, sizeof(bed));
	assert_int_equal(uv_loop_init(&bed.loop), 0);
	assert_int_equal(refiner_create(&bed.refiner, &plain), 0);
	options.refiner = bed.refiner;
	clock_init(&clock_of_tests);
	assert_int_equal(batcher_create(&bed.batcher, &bed.loop, &options, &sink), 0);
}

static void stop(void)
{
	batcher_close(bed.batcher, on_closed, &bed);
	assert_false(bed.closed);
	assert_int_equal(uv_run(&bed.loop, UV_RUN_DEFAULT), 0);
	assert_true(bed.closed);
	assert_int_equal(uv_loop_close(&bed.loop), 0);
	refiner_destroy(bed.refiner);
	arena_finish(&bed.arena);
}

static int add(uint32_t tgid)
{
	struct event event = {
		.size = sizeof(event), .type = EVENT_FORK, .tgid = tgid, .start_ns = 5, .time_ns = 1000 + tgid};

	return batcher_add_event(bed.batcher, &event);
}

/* The loop runs dry only after the timer has fired. */
static void test_closes_after_a_while(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(add(1), 0);
	assert_int_equal(add(2), 0);
	assert_int_equal(bed.count, 0);
	assert_int_equal(uv_run(&bed.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(bed.count, 1);
	assert_int_equal(bed.batches[0].fact_count, 2);
	assert_int_equal(add(3), 0); /* and once more */
	assert_int_equal(uv_run(&bed.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(bed.count, 2);
	assert_int_equal(bed.batches[1].facts[0].self.tgid, 3);
	stop();
}

static void test_closes_when_full(void **state)
{
	(void)state;
	start(NEVER_MS);
	for (uint32_t i = 1; i <= BATCH_EVENTS_MAX; i++)
		assert_int_equal(add(i), 0);
	assert_int_equal(bed.count, 0);
	assert_int_equal(add(BATCH_EVENTS_MAX + 1), 0);
	assert_int_equal(bed.count, 1);
	assert_int_equal(bed.batches[0].fact_count, BATCH_EVENTS_MAX);
	assert_int_equal(batcher_flush(bed.batcher), 0);
	assert_int_equal(bed.count, 2);
	assert_int_equal(bed.batches[1].fact_count, 1);
	assert_int_equal(bed.batches[1].facts[0].self.tgid, BATCH_EVENTS_MAX + 1);
	stop();
}

static void test_flush(void **state)
{
	(void)state;
	start(NEVER_MS);
	assert_int_equal(batcher_flush(bed.batcher), 0);
	assert_int_equal(bed.count, 0);
	assert_int_equal(add(1), 0);
	assert_int_equal(batcher_flush(bed.batcher), 0);
	assert_int_equal(bed.count, 1);
	assert_int_equal(uv_loop_alive(&bed.loop), 0); /* its timer does not keep the loop */
	stop();
}

static void test_batch_tells_the_wall_clock(void **state)
{
	(void)state;
	start(NEVER_MS);
	assert_int_equal(add(1), 0);
	assert_int_equal(batcher_flush(bed.batcher), 0);
	assert_true(bed.batches[0].boottime_to_wall_ns >
		    INT64_C(1500000000000000000)); /* this code is younger than 2017 */
	stop();
}

static void test_users_are_named(void **state)
{
	const struct fact_context *context;

	(void)state;
	start(NEVER_MS);
	assert_int_equal(add(1), 0); /* uid 0 */
	assert_int_equal(batcher_flush(bed.batcher), 0);
	context = bed.batches[0].facts[0].context;
	assert_int_equal(context->uid, 0);
	assert_int_equal(context->user.len, 4);
	assert_memory_equal(context->user.data, "root", 4);
	stop();
}

static void test_gaps_and_snapshots(void **state)
{
	struct gap gap = {.type = FACT_FORK, .reason = GAP_RING_FULL, .from_ns = 1, .to_ns = 2, .count = 3};

	(void)state;
	start(1);
	assert_int_equal(batcher_add_gap(bed.batcher, &gap), 0);
	assert_int_equal(batcher_add_snapshot(bed.batcher, &(struct snapshot_mark){4, 5}), 0);
	assert_int_equal(uv_run(&bed.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(bed.count, 1);
	assert_int_equal(bed.batches[0].gap_count, 1);
	assert_int_equal(bed.batches[0].gaps[0].count, 3);
	assert_int_equal(bed.batches[0].snapshot_count, 1);
	assert_int_equal(bed.batches[0].snapshots[0].end_ns, 5);
	stop();
}

/* A spool that is full says so while it is given a batch. Eight gaps wait, the others are joined: none is forgotten. */
static void test_gaps_while_closing(void **state)
{
	uint64_t count = 0, to_ns = 0;

	(void)state;
	start(1);
	bed.gaps_to_add = 11;
	assert_int_equal(add(1), 0);
	assert_int_equal(uv_run(&bed.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(bed.count, 2);
	assert_int_equal(bed.batches[0].gap_count, 0);
	assert_int_equal(bed.batches[1].gap_count, 8);
	for (size_t i = 0; i < 8; i++) {
		count += bed.batches[1].gaps[i].count;
		to_ns = bed.batches[1].gaps[i].to_ns;
	}
	assert_int_equal(count, 11);
	assert_int_equal(to_ns, 12);
	assert_int_equal(bed.batches[1].gaps[7].from_ns, 8);
	stop();
}

static void test_more_gaps_than_a_batch_takes(void **state)
{
	struct gap gap = {.type = FACT_FORK, .reason = GAP_RING_FULL, .count = 1};
	size_t gaps = 0;

	(void)state;
	start(NEVER_MS);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(batcher_add_gap(bed.batcher, &gap), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(batcher_add_snapshot(bed.batcher, &(struct snapshot_mark){i, i}), 0);
	assert_int_equal(batcher_flush(bed.batcher), 0);
	for (unsigned i = 0; i < bed.count; i++)
		gaps += bed.batches[i].gap_count;
	assert_int_equal(gaps, 200);
	stop();
}

static void test_records_that_are_none(void **state)
{
	struct event event = {.size = 3, .type = EVENT_FORK, .tgid = 1};

	(void)state;
	start(NEVER_MS);
	assert_int_equal(batcher_add_event(bed.batcher, &event), -EBADMSG);
	assert_int_equal(add(0), -EINVAL);
	assert_int_equal(batcher_flush(bed.batcher), 0);
	assert_int_equal(bed.count, 0);
	stop();
}

static void test_close_drops_what_is_open(void **state)
{
	(void)state;
	start(NEVER_MS);
	assert_int_equal(add(1), 0);
	stop();
	assert_int_equal(bed.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closes_after_a_while),
		cmocka_unit_test(test_closes_when_full),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_batch_tells_the_wall_clock),
		cmocka_unit_test(test_users_are_named),
		cmocka_unit_test(test_gaps_and_snapshots),
		cmocka_unit_test(test_gaps_while_closing),
		cmocka_unit_test(test_more_gaps_than_a_batch_takes),
		cmocka_unit_test(test_records_that_are_none),
		cmocka_unit_test(test_close_drops_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
