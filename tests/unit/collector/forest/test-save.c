/* SPDX-License-Identifier: Apache-2.0 */
/* What is saved of a forest and restored, before, between or after facts come again, shows the same living processes. */
#include "tests/unit/collector/forest/grow.h"

#include "proto/batch/decoder.h"
#include "proto/batch/encoder.h"

#define SEEDS 200u

struct target {
	struct forest *forest;
	struct forest_host *host;
	struct arena arena;
	struct batch_encoder *encoder;
};

/* Through the batch codec, as the journal holds it. */
static int restore_fact(void *owner, unsigned saved, const struct fact *fact, int64_t boottime_to_wall_ns)
{
	struct target *target = owner;
	struct batch_id id = {.boot = {{1}}, .stream = saved, .seq = 1};
	const uint8_t *data;
	struct batch batch;
	size_t len;

	assert_int_equal(batch_encoder_add(target->encoder, fact), 0);
	assert_int_equal(batch_encoder_finish(target->encoder, &id, boottime_to_wall_ns, &data, &len), 0);
	arena_reset(&target->arena);
	assert_int_equal(batch_decode(&target->arena, data, len, &batch, NULL), 0);
	return forest_restore(target->forest, target->host, (unsigned)batch.id.stream, &batch.facts[0],
			      batch.boottime_to_wall_ns);
}

static void restore_state(struct target *target, const struct forest_host *from, uint64_t since_ns)
{
	struct arena arena = ARENA_NULL;
	struct boot_state state, back;
	struct hello hello;
	struct bytes body;

	if (forest_save_description(from, &hello))
		assert_int_equal(forest_host_describe(target->forest, target->host, &hello), 0);
	assert_int_equal(forest_save_host(from, since_ns, &arena, &state), 0);
	assert_int_equal(boot_state_encode(&state, &arena, &body), 0);
	assert_int_equal(boot_state_decode(&arena, (const uint8_t *)body.data, body.len, &back), 0);
	assert_int_equal(forest_restore_host(target->forest, target->host, &back), 0);
	arena_finish(&arena);
}

static void copy_host(struct forest *to, const struct forest_host *from, uint64_t since_ns)
{
	struct target target = {.forest = to, .arena = ARENA_NULL};

	assert_int_equal(batch_encoder_create(&target.encoder), 0);
	assert_int_equal(forest_host_get(to, &from->boot, &target.host), 0);
	restore_state(&target, from, since_ns);
	for (struct forest_node *node = forest_node_next(from, NULL); node; node = forest_node_next(from, node)) {
		if (forest_save_wants(node, since_ns))
			assert_int_equal(forest_save_node(node, since_ns, restore_fact, &target), 0);
	}
	batch_encoder_destroy(target.encoder);
	arena_finish(&target.arena);
}

/* dead: also those who have ended, all of them. */
static void copy_forest(struct forest *to, const struct forest *from, bool dead)
{
	for (struct forest_host *host = forest_host_next(from, NULL); host; host = forest_host_next(from, host))
		copy_host(to, host, dead ? 0 : host->last_fact_ns + 1);
	(void)forest_evict(to);
}

static void apply_some(struct forest *forest, const struct history *history, size_t from, size_t to, bool evict)
{
	for (size_t i = from; i < to; i++) {
		assert_int_equal(grow_try(forest, &history->items[i]), 0);
		if (evict)
			(void)forest_evict(forest);
	}
}

/* As a replay does with what came while the checkpoint was written. */
static void replay_some(struct forest *forest, const struct history *history, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct boot_id boot = grow_boot(history->items[i].host);
		struct forest_host *host;

		assert_int_equal(forest_host_get(forest, &boot, &host), 0);
		if (history->items[i].type == ITEM_FACT)
			forest_restore_told(host, history->items[i].fact.time_ns);
		assert_int_equal(grow_try(forest, &history->items[i]), 0);
		(void)forest_evict(forest);
	}
}

static void expect_same(struct json a, struct json b, uint64_t seed)
{
	grow_expect_same(&a, &b, seed);
	json_finish(&a);
	json_finish(&b);
}

/* Everything is saved: the copy is the forest. */
static void a_whole_copy_is_the_forest(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct forest *one, *two;
		struct history history;

		history_make(&history, seed);
		assert_int_equal(forest_create(&one, &FOREST_OPTIONS_DEFAULT), 0);
		assert_int_equal(forest_create(&two, &FOREST_OPTIONS_DEFAULT), 0);
		apply_some(one, &history, 0, history.count, false);
		copy_forest(two, one, true);
		check_forest(two);
		expect_same(grow_dump(one), grow_dump(two), seed);
		forest_destroy(one);
		forest_destroy(two);
		free(history.items);
	}
}

/* Saved in the middle and followed by the rest, from a little before the moment on: the living are those of a forest that
 * saw everything. With eviction on the way. */
static void the_living_go_on_from_a_copy(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;

	(void)state;
	options.exited_bytes_max = 8192;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct forest *one, *two;
		struct history history;
		size_t middle, before;

		history_make(&history, seed);
		middle = history.count / 2 + seed % 97;
		before = middle - seed * 7 % 401;
		assert_int_equal(forest_create(&one, &options), 0);
		assert_int_equal(forest_create(&two, &options), 0);
		apply_some(one, &history, 0, middle, true);
		forest_restore_begin(two);
		replay_some(two, &history, before, middle);
		check_forest(two);
		copy_forest(two, one, false);
		check_forest(two);
		forest_restore_end(two);
		check_forest(two);
		expect_same(grow_dump_living(one), grow_dump_living(two), seed);
		/* without eviction: what goes depends on how many dead there are, of whom the copy has fewer */
		apply_some(one, &history, middle, history.count, false);
		apply_some(two, &history, middle, history.count, false);
		check_forest(two);
		expect_same(grow_dump_living(one), grow_dump_living(two), seed);
		forest_destroy(one);
		forest_destroy(two);
		free(history.items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_copy_is_the_forest),
	    cmocka_unit_test(the_living_go_on_from_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
