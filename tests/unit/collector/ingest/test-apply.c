/* SPDX-License-Identifier: Apache-2.0 */
/* A batch that the forest has no room for: what was refused is counted and becomes a gap of the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/apply.h"

#define OFFSET 1700000000000000000ll
#define SECOND 1000000000ull
#define FACTS 6u

static const struct fact_context context = {.uid = 7};

static struct forest *forest_of(uint64_t nodes_max, uint32_t nodes_per_host_max, struct forest_host **ret_host)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct boot_id boot = {{1}};
	struct forest *forest;

	options.nodes_max = nodes_max;
	options.nodes_per_host_max = nodes_per_host_max;
	assert_int_equal(forest_create(&forest, &options), 0);
	assert_int_equal(forest_host_get(forest, &boot, ret_host), 0);
	return forest;
}

/* FACTS processes without a parent, a second apart. */
static struct apply_counts apply_forks(struct forest *forest, struct forest_host *host, uint8_t *ret_new)
{
	const struct apply_verdict verdict = {.facts = ret_new};
	struct apply_counts counts = {0};
	struct fact facts[FACTS];

	for (uint32_t i = 0; i < FACTS; i++)
		facts[i] = (struct fact){.type = FACT_FORK, .self = {(i + 1) * SECOND, 10 + i}, .time_ns = (i + 1) * SECOND,
					 .comm = BYTES_LITERAL("c"), .context = &context};
	apply_batch(forest, host, &(struct batch){.boottime_to_wall_ns = OFFSET, .fact_count = FACTS, .facts = facts}, &verdict, &counts);
	return counts;
}

/* The last two of FACTS find no room. */
static void expect_gap(struct forest *forest, struct forest_host *host)
{
	uint8_t news[1] = {0};
	struct apply_counts counts = apply_forks(forest, host, news);
	struct forest_host_info info;

	assert_int_equal(counts.facts_refused, 2);
	assert_int_equal(news[0], (1u << FACTS) - 1); /* for the sinks all are new */
	forest_host_info(host, &info);
	assert_int_equal(info.live, FACTS - 2);
	assert_int_equal(info.gap_count, 1);
	assert_int_equal(info.gaps[0].gap.reason, GAP_FOREST_FULL);
	assert_int_equal(info.gaps[0].gap.count, 2);
	assert_int_equal(info.gaps[0].gap.from_ns, (FACTS - 1) * SECOND);
	assert_int_equal(info.gaps[0].gap.to_ns, FACTS * SECOND);
	assert_int_equal(info.losses->gaps[GAP_FOREST_FULL], 1);
	forest_destroy(forest);
}

static void what_all_hosts_together_have_no_room_for_is_a_gap(void **state)
{
	struct forest_host *host;
	struct forest *forest = forest_of(FACTS - 2, 100, &host);

	(void)state;
	expect_gap(forest, host);
}

static void likewise_what_the_host_has_no_room_for(void **state)
{
	struct forest_host *host;
	struct forest *forest = forest_of(100, FACTS - 2, &host);

	(void)state;
	expect_gap(forest, host);
}

static void with_room_there_is_none(void **state)
{
	uint8_t news[1] = {0};
	struct forest_host_info info;
	struct forest_host *host;
	struct forest *forest = forest_of(FACTS, FACTS, &host);

	(void)state;
	assert_int_equal(apply_forks(forest, host, news).facts_refused, 0);
	forest_host_info(host, &info);
	assert_int_equal(info.live, FACTS);
	assert_int_equal(info.gap_count, 0);
	forest_destroy(forest);
}

static void expect_argv(struct forest_host *host, struct process_key key, const char *argv)
{
	struct process_view seen;
	struct arena arena = {0};

	assert_int_equal(forest_view(forest_find(host, key), 0, &arena, &seen), 0);
	assert_true(seen.image_count > 0);
	assert_true(bytes_equal(seen.images[seen.image_count - 1].argv, bytes_from_string(argv)));
	arena_finish(&arena);
}

/* Arguments that are looked up ahead are each process's own, also where a later batch lies at the addresses of an earlier one. */
static void arguments_come_to_their_own_process(void **state)
{
	char argv[FACTS][8];
	struct forest_host *host;
	struct forest *forest = forest_of(100, 100, &host);
	struct apply_counts counts = {0};
	struct fact facts[FACTS];

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < FACTS; i++) {
			(void)snprintf(argv[i], sizeof(argv[i]), "a%u-%u", (unsigned)round, (unsigned)(i / 2)); /* two are the same */
			facts[i] = (struct fact){.type = FACT_EXEC, .self = {(i + 1) * SECOND, 10 + i}, .time_ns = (round * FACTS + i + 1) * SECOND,
						 .exec_seq = round + 1, .flags = FACT_ARGV_KNOWN, .argv = bytes_from_string(argv[i]),
						 .argv_bytes = strlen(argv[i]), .comm = BYTES_LITERAL("c"), .context = &context};
		}
		apply_batch(forest, host, &(struct batch){.boottime_to_wall_ns = OFFSET, .fact_count = FACTS, .facts = facts}, NULL, &counts);
		for (uint32_t i = 0; i < FACTS; i++)
			expect_argv(host, facts[i].self, argv[i]);
	}
	forest_destroy(forest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_all_hosts_together_have_no_room_for_is_a_gap),
	    cmocka_unit_test(likewise_what_the_host_has_no_room_for),
	    cmocka_unit_test(with_room_there_is_none),
	    cmocka_unit_test(arguments_come_to_their_own_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
