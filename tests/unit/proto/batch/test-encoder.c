/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder against the decoder: whatever a fact says comes back. And against protobuf's own decoder: the bytes are
 * what canopy.proto says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/batch/decoder.h"
#include "proto/batch/encoder.h"
#include "proto/canopy.pb-c.h"
#include "tests/unit/proto/batch/facts.h"

static const struct batch_id id = {
	.boot = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}, .stream = 0xfedcba9876543210, .seq = 42,
};

static int setup(void **state)
{
	return batch_encoder_create((struct batch_encoder **)state);
}

static int teardown(void **state)
{
	batch_encoder_destroy(*state);
	return 0;
}

static void finish(struct batch_encoder *encoder, const uint8_t **ret_data, size_t *ret_len)
{
	size_t estimate = batch_encoder_bytes(encoder);

	assert_int_equal(batch_encoder_finish(encoder, &id, -5, ret_data, ret_len), 0);
	assert_true(*ret_len <= estimate);
	assert_true(estimate <= BATCH_BYTES_MAX);
	assert_int_equal(batch_encoder_count(encoder), 0);
}

static struct batch decode(struct arena *arena, const uint8_t *data, size_t len)
{
	const char *why = NULL;
	struct batch batch;
	int r = batch_decode(arena, data, len, &batch, &why);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), why ? why : "");
	assert_memory_equal(&batch.id.boot, &id.boot, sizeof(id.boot));
	assert_int_equal(batch.id.stream, id.stream);
	assert_int_equal(batch.id.seq, id.seq);
	assert_int_equal(batch.boottime_to_wall_ns, -5);
	return batch;
}

static void check_round_trip(struct batch_encoder *encoder, const struct fact *facts, size_t count)
{
	struct arena arena = ARENA_NULL;
	const uint8_t *data;
	size_t len;
	struct batch batch;

	finish(encoder, &data, &len);
	batch = decode(&arena, data, len);
	assert_int_equal(batch.fact_count, count);
	for (size_t i = 0; i < count; i++) {
		const char *difference = facts_difference(&facts[i], &batch.facts[i]);

		if (difference)
			fail_msg("fact %zu of %zu differs in %s", i, count, difference);
	}
	arena_finish(&arena);
}

/* One encoder for all batches: what one leaves behind must not reach the next. */
static void test_random_round_trip(void **state)
{
	static struct fact facts[BATCH_EVENTS_MAX];
	struct random random = {.state = 1};

	for (unsigned round = 0; round < 200; round++) {
		struct arena arena = ARENA_NULL;
		size_t count = 1 + random_below(&random, BATCH_EVENTS_MAX), added = 0;

		for (; added < count; added++) {
			int r;

			facts_random(&random, &arena, &facts[added]);
			r = batch_encoder_add(*state, &facts[added]);
			assert_in_range(r, 0, BATCH_E_FULL);
			if (r == BATCH_E_FULL)
				break;
		}
		assert_int_equal(batch_encoder_count(*state), added);
		check_round_trip(*state, facts, added);
		arena_finish(&arena);
	}
}

static void test_plain_round_trip(void **state)
{
	struct fact facts[4];

	for (unsigned i = 0; i < 4; i++) {
		facts[i] = facts_plain((enum fact_type)(FACT_FORK + i), 5000000000u + i);
		assert_int_equal(batch_encoder_add(*state, &facts[i]), 0);
	}
	check_round_trip(*state, facts, 4);
}

static void test_argv_forms(void **state)
{
	static const struct bytes forms[] = {
		{"", 0},
		{"\0", 1},
		{"\0\0", 2},
		{"a", 1},
		{"a\0", 2},
		{"a\0\0", 3},
		{"a\0\0b", 4},
		{"\0a", 2},
		{"\xff\0", 2},
		{"0123456789abcdef\0", 17},
		{"0123456789abcdefg", 17},
	};
	struct fact facts[sizeof(forms) / sizeof(forms[0])];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		facts[i] = facts_plain(FACT_EXEC, i);
		facts[i].argv = forms[i];
		facts[i].argv_bytes = i % 2 ? forms[i].len : 1000000;
		assert_int_equal(batch_encoder_add(*state, &facts[i]), 0);
	}
	check_round_trip(*state, facts, sizeof(forms) / sizeof(forms[0]));
}

/* One fact does not know the number in the namespace, one does, one says another: none of them is bent. */
static void test_contradicting_namespace_pids(void **state)
{
	static const uint32_t numbers[] = {0, 100, 7, 0, 100, UINT32_MAX};
	struct fact facts[6];

	for (unsigned i = 0; i < 6; i++) {
		facts[i] = facts_plain(FACT_FORK, i);
		facts[i].ns_tgid = numbers[i];
		assert_int_equal(batch_encoder_add(*state, &facts[i]), 0);
	}
	check_round_trip(*state, facts, 6);
}

static void test_creators(void **state)
{
	static const struct process_key creators[] = {{0, 0}, {1000000000u, 1}, {999, 1}, {0, 1}, {5, 2}};
	struct fact facts[5];

	for (unsigned i = 0; i < 5; i++) {
		facts[i] = facts_plain(FACT_FORK, i);
		facts[i].creator = creators[i];
		assert_int_equal(batch_encoder_add(*state, &facts[i]), 0);
	}
	check_round_trip(*state, facts, 5);
}

static void test_refuses_facts_without_identity(void **state)
{
	struct fact fact = facts_plain(FACT_FORK, 1);
	const uint8_t *data;
	size_t len;

	fact.self.tgid = 0;
	assert_int_equal(batch_encoder_add(*state, &fact), -EINVAL);
	fact = facts_plain((enum fact_type)0, 1);
	assert_int_equal(batch_encoder_add(*state, &fact), -EINVAL);
	fact = facts_plain((enum fact_type)5, 1);
	assert_int_equal(batch_encoder_add(*state, &fact), -EINVAL);
	fact = facts_plain(FACT_FORK, 1);
	fact.context = NULL;
	assert_int_equal(batch_encoder_add(*state, &fact), -EINVAL);
	assert_int_equal(batch_encoder_finish(*state, &id, 0, &data, &len), -ENODATA);
}

static void test_full_by_events(void **state)
{
	static struct fact facts[BATCH_EVENTS_MAX];

	for (unsigned i = 0; i < BATCH_EVENTS_MAX; i++) {
		facts[i] = facts_plain(FACT_EXIT, i);
		assert_int_equal(batch_encoder_add(*state, &facts[i]), 0);
	}
	assert_int_equal(batch_encoder_add(*state, &facts[0]), BATCH_E_FULL);
	assert_int_equal(batch_encoder_count(*state), BATCH_EVENTS_MAX);
	check_round_trip(*state, facts, BATCH_EVENTS_MAX);
	assert_int_equal(batch_encoder_add(*state, &facts[0]), 0);
}

/* Distinct arguments of 100 KiB each: some ten fit. */
static void test_full_by_bytes(void **state)
{
	static char arguments[20][100 * 1024];
	struct fact facts[20];
	size_t added = 0;

	for (; added < 20; added++) {
		int r;

		memset(arguments[added], 'a' + (int)added, sizeof(arguments[added]));
		facts[added] = facts_plain(FACT_EXEC, added);
		facts[added].argv = bytes_make(arguments[added], sizeof(arguments[added]));
		r = batch_encoder_add(*state, &facts[added]);
		if (r == BATCH_E_FULL)
			break;
		assert_int_equal(r, 0);
	}
	assert_in_range(added, 9, 10);
	check_round_trip(*state, facts, added);
}

static void check_cut(struct batch_encoder *encoder, struct bytes argv)
{
	struct arena arena = ARENA_NULL;
	struct fact fact = facts_plain(FACT_EXEC, 9);
	const uint8_t *data;
	size_t len;
	struct batch batch;

	fact.argv = argv;
	fact.argv_bytes = 123456789;
	assert_int_equal(batch_encoder_add(encoder, &fact), 0);
	finish(encoder, &data, &len);
	batch = decode(&arena, data, len);
	assert_int_equal(batch.fact_count, 1);
	assert_in_range(batch.facts[0].argv.len, 50000, argv.len - 1);
	assert_memory_equal(batch.facts[0].argv.data, argv.data, batch.facts[0].argv.len);
	assert_true(batch.facts[0].flags & FACT_ARGV_TRUNCATED);
	assert_int_equal(batch.facts[0].argv_bytes, 123456789);
	arena_finish(&arena);
}

static void test_cuts_argv_of_a_single_fact(void **state)
{
	size_t len = 3 * BATCH_BYTES_MAX;
	char *argv = malloc(len);

	assert_non_null(argv);
	memset(argv, 'x', len);
	check_cut(*state, bytes_make(argv, len));
	memset(argv, 0, len);
	check_cut(*state, bytes_make(argv, len));
	for (size_t i = 0; i < len; i++) /* a new string every three bytes */
		argv[i] = (char)(i % 3 == 2 ? 0 : 1 + (i * 7919 >> 5) % 255);
	check_cut(*state, bytes_make(argv, len));
	free(argv);
}

static void test_cuts_environment_last(void **state)
{
	struct arena arena = ARENA_NULL;
	struct fact fact = facts_plain(FACT_EXEC, 9);
	size_t size = 2 * BATCH_BYTES_MAX, len;
	char *environment = malloc(size);
	const uint8_t *data;
	struct batch batch;

	assert_non_null(environment);
	memset(environment, 'e', size);
	fact.environ_ = bytes_make(environment, size);
	assert_int_equal(batch_encoder_add(*state, &fact), 0);
	finish(*state, &data, &len);
	batch = decode(&arena, data, len);
	assert_int_equal(batch.facts[0].argv.len, 0);
	assert_int_equal(batch.facts[0].argv_bytes, fact.argv_bytes);
	assert_in_range(batch.facts[0].environ_.len, BATCH_BYTES_MAX / 2, BATCH_BYTES_MAX);
	fact.exe = bytes_make(environment, size); /* not even its path fits: no kernel says that */
	assert_int_equal(batch_encoder_add(*state, &fact), -EINVAL);
	assert_int_equal(batch_encoder_count(*state), 0);
	arena_finish(&arena);
	free(environment);
}

static void test_gaps_and_snapshots(void **state)
{
	struct gap gaps[2] = {{FACT_EXEC, GAP_RING_FULL, 10, UINT64_MAX, 3}, {0, GAP_FILTERED, 0, 0, 0}};
	struct snapshot_mark mark = {5, 6};
	struct arena arena = ARENA_NULL;
	const uint8_t *data;
	size_t len;
	struct batch batch;

	assert_int_equal(batch_encoder_add_gap(*state, &gaps[0]), 0);
	assert_int_equal(batch_encoder_add_gap(*state, &gaps[1]), 0);
	assert_int_equal(batch_encoder_add_snapshot(*state, &mark), 0);
	assert_int_equal(batch_encoder_count(*state), 3);
	finish(*state, &data, &len);
	batch = decode(&arena, data, len);
	assert_int_equal(batch.fact_count, 0);
	assert_int_equal(batch.gap_count, 2);
	assert_int_equal(batch.snapshot_count, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(batch.gaps[i].type, gaps[i].type);
		assert_int_equal(batch.gaps[i].reason, gaps[i].reason);
		assert_int_equal(batch.gaps[i].from_ns, gaps[i].from_ns);
		assert_int_equal(batch.gaps[i].to_ns, gaps[i].to_ns);
		assert_int_equal(batch.gaps[i].count, gaps[i].count);
	}
	assert_int_equal(batch.snapshots[0].begin_ns, 5);
	assert_int_equal(batch.snapshots[0].end_ns, 6);
	arena_finish(&arena);
}

static void test_gaps_fill_a_batch(void **state)
{
	struct gap gap = {FACT_EXEC, GAP_RING_FULL, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	struct snapshot_mark mark = {UINT64_MAX, UINT64_MAX};
	const uint8_t *data;
	size_t len, gaps = 0, marks = 0;

	while (batch_encoder_add_gap(*state, &gap) == 0)
		assert_true(++gaps < BATCH_EVENTS_MAX);
	while (batch_encoder_add_snapshot(*state, &mark) == 0)
		assert_true(++marks < BATCH_EVENTS_MAX);
	assert_int_equal(batch_encoder_count(*state), gaps + marks);
	finish(*state, &data, &len);
}

/* Another protobuf implementation reads the same columns. */
static void test_protobuf_reads_it(void **state)
{
	Canopy__V1__Batch *batch;
	const uint8_t *data;
	size_t len;

	for (unsigned i = 0; i < 4; i++) {
		struct fact fact = facts_plain((enum fact_type)(FACT_FORK + i), 6000000000u + 10 * i);

		assert_int_equal(batch_encoder_add(*state, &fact), 0);
	}
	finish(*state, &data, &len);
	batch = canopy__v1__batch__unpack(NULL, len, data);
	assert_non_null(batch);
	assert_int_equal(batch->boot_id.len, 16);
	assert_memory_equal(batch->boot_id.data, id.boot.octets, 16);
	assert_int_equal(batch->stream, id.stream);
	assert_int_equal(batch->seq, id.seq);
	assert_int_equal(batch->boottime_to_wall_ns, -5);
	assert_int_equal(batch->base_ns, 6000000000u);

	assert_int_equal(batch->processes->n_tgid, 2);
	assert_int_equal(batch->processes->tgid[0], 1);
	assert_int_equal(batch->processes->tgid[1], 100);
	assert_int_equal(batch->processes->start_delta_ns[0], -5000000000);
	assert_int_equal(batch->processes->start_delta_ns[1], 4000000000);
	assert_int_equal(batch->processes->n_start_unknown, 0);
	assert_int_equal(batch->processes->ns_tgid[1], 1);

	assert_int_equal(batch->contexts->n_uid, 1);
	assert_int_equal(batch->contexts->uid[0], 1001);
	assert_int_equal(batch->contexts->n_cap_effective, 0);
	assert_memory_equal(batch->strings[batch->contexts->cgroup[0] - 1].data, "/user.slice", 11);
	assert_int_equal(batch->jobs->tty[0], 34816);

	assert_int_equal(batch->events->n_type, 4);
	assert_int_equal(batch->events->type[1], CANOPY__V1__EVENTS__TYPE__EXEC);
	assert_int_equal(batch->events->n_time_delta_ns, 4);
	assert_int_equal(batch->events->time_delta_ns[0], 0);
	assert_int_equal(batch->events->time_delta_ns[3], 10);
	assert_int_equal(batch->events->process[2], 2);
	assert_int_equal(batch->events->parent[2], 1);
	assert_int_equal(batch->events->n_creator, 0);
	assert_int_equal(batch->events->n_tid_delta, 0);
	assert_int_equal(batch->events->n_argc, 2);
	assert_int_equal(batch->events->argc[1], 2);
	assert_int_equal(batch->events->n_argv_item, 4);
	assert_memory_equal(batch->strings[batch->events->argv_item[1] - 1].data, "-l", 2);
	assert_memory_equal(batch->strings[batch->images->exe[batch->events->image[0] - 1] - 1].data, "/usr/bin/ls",
			    11);
	assert_int_equal(batch->events->n_exit_status, 1);
	assert_int_equal(batch->events->exit_status[0], 3 << 8);
	assert_int_equal(batch->events->max_rss_bytes[0], 4096);
	assert_int_equal(batch->events->n_read_bytes, 0);
	assert_int_equal(batch->events->written_bytes[0], 1);
	canopy__v1__batch__free_unpacked(batch, NULL);
}

/* What protobuf-c makes of random batches and packs again is the very same batch: no field is in disorder, none
 * doubled. */
static void test_protobuf_repacks_the_same_bytes(void **state)
{
	struct random random = {.state = 7};
	struct arena arena = ARENA_NULL;

	for (unsigned round = 0; round < 20; round++) {
		Canopy__V1__Batch *batch;
		const uint8_t *data;
		uint8_t *packed;
		size_t len;

		for (unsigned i = 0; i < 50; i++) {
			struct fact fact;

			facts_random(&random, &arena, &fact);
			assert_in_range(batch_encoder_add(*state, &fact), 0, BATCH_E_FULL);
		}
		finish(*state, &data, &len);
		batch = canopy__v1__batch__unpack(NULL, len, data);
		assert_non_null(batch);
		assert_int_equal(canopy__v1__batch__get_packed_size(batch), len);
		packed = malloc(len);
		assert_non_null(packed);
		assert_int_equal(canopy__v1__batch__pack(batch, packed), len);
		assert_memory_equal(packed, data, len);
		free(packed);
		canopy__v1__batch__free_unpacked(batch, NULL);
		arena_finish(&arena);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain_round_trip),
		TEST(test_random_round_trip),
		TEST(test_argv_forms),
		TEST(test_contradicting_namespace_pids),
		TEST(test_creators),
		TEST(test_refuses_facts_without_identity),
		TEST(test_full_by_events),
		TEST(test_full_by_bytes),
		TEST(test_cuts_argv_of_a_single_fact),
		TEST(test_cuts_environment_last),
		TEST(test_gaps_and_snapshots),
		TEST(test_gaps_fill_a_batch),
		TEST(test_protobuf_reads_it),
		TEST(test_protobuf_repacks_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
