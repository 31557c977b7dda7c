/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the forest, medians of ROUNDS: facts a second on one core, bytes of a live process, price of walking a big
 * host. Facts are made before the clock starts; contexts, paths and arguments repeat as they do on a host that builds
 * software. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/forest/forest.h"
#include "tests/bench/forest/facts.h"

#define ROUNDS 5u
#define LIVES 400000u /* fork, exec, exit each */
#define SHELLS 20u
#define RUNNING 200u /* short lives under way at a time */
#define WALKED 100000u
#define REUSED 50000u
#define REUSED_PIDS 50u
#define LIVE 100000u
#define BATCH 500u

/* The first SHELLS lives stay and fork all others, which exec a little later and end RUNNING lives later. */
static struct fact *make_storm(size_t *ret_count)
{
	struct fact *facts = must(calloc(LIVES * 3ul, sizeof(*facts)));
	struct process_key *keys = must(calloc(LIVES, sizeof(*keys)));
	size_t count = 0;

	for (unsigned i = 0; i < LIVES; i++) {
		uint64_t time = 1000000000ull + i * 100000ull;
		struct process_key parent = i < SHELLS ? (struct process_key){1, 1} : keys[i * 7919u % SHELLS];

		keys[i] = (struct process_key){time, 2 + i % 4000000};
		facts[count++] = make_fact(FACT_FORK, keys[i], parent, time + 10, i);
		facts[count++] = make_fact(FACT_EXEC, keys[i], parent, time + 30000, i);
		if (i >= SHELLS + RUNNING)
			facts[count++] = make_fact(FACT_EXIT, keys[i - RUNNING], (struct process_key){1, 1},
						   time + 60000, i - RUNNING);
	}
	free(keys);
	*ret_count = count;
	return facts;
}

static struct forest *make_forest(uint64_t exited_bytes, struct forest_host **ret_host)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct boot_id boot = {{1}};
	struct forest *forest;

	options.exited_bytes_max = exited_bytes;
	if (forest_create(&forest, &options) < 0 || forest_host_get(forest, &boot, ret_host) < 0)
		abort();
	return forest;
}

static void apply_all(struct forest *forest, struct forest_host *host, const struct fact *facts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool news;

		if (forest_apply(forest, host, &facts[i], 0, &news) < 0)
			abort();
		if (i % BATCH == BATCH - 1)
			(void)forest_evict(forest);
	}
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

static void bench_storm(const char *name, uint64_t exited_bytes)
{
	double rates[ROUNDS];
	size_t count;
	struct fact *facts = make_storm(&count);

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct forest_host *host;
		struct forest *forest = make_forest(exited_bytes, &host);
		double begin = cpu();

		apply_all(forest, host, facts, count);
		rates[round] = (double)count / (cpu() - begin);
		forest_destroy(forest);
	}
	printf("%s_facts_per_second=%.0f\n", name, median(rates));
	free(facts);
}

/* Few pids that come back at once: what a hash by tgid alone would make long chains of. */
static void bench_reuse(void)
{
	double rates[ROUNDS];

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct forest_host *host;
		struct forest *forest = make_forest(1ull << 32, &host);
		double begin = cpu();

		for (unsigned i = 0; i < REUSED; i++) {
			struct process_key self = {1000000000ull + i * 1000ull, 2 + i % REUSED_PIDS}, init = {1, 1};
			struct fact facts[2] = {make_fact(FACT_FORK, self, init, self.start_ns + 10, i),
						make_fact(FACT_EXIT, self, init, self.start_ns + 500, i)};

			apply_all(forest, host, facts, 2);
		}
		rates[round] = 2 * REUSED / (cpu() - begin);
		forest_destroy(forest);
	}
	printf("reused_pids_facts_per_second=%.0f\n", median(rates));
}

/* What it costs the machine, with whatever the allocator keeps for itself. */
static size_t resident(void)
{
	FILE *file = must(fopen("/proc/self/statm", "r"));
	unsigned long pages = 0;

	if (fscanf(file, "%*u %lu", &pages) != 1)
		abort();
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void bench_memory(const char *name, bool images)
{
	struct fact *facts = must(calloc(LIVE, sizeof(*facts)));
	struct forest_stats stats;
	struct forest_host *host;
	struct forest *forest;
	size_t before;

	for (unsigned i = 0; i < LIVE; i++) {
		struct process_key self = {1000000000ull + i * 1000ull, 2 + i};

		facts[i] = make_fact(images ? FACT_SNAPSHOT : FACT_FORK, self, (struct process_key){1, 1},
				     self.start_ns + 1, i);
	}
	before = resident();
	forest = make_forest(1 << 30, &host);
	apply_all(forest, host, facts, LIVE);
	forest_stats(forest, &stats);
	printf("%s_resident_bytes_per_live=%.0f\n%s_counted_bytes_per_live=%.0f\n", name, (double)(resident() - before) / LIVE,
	       name, (double)stats.bytes / LIVE);
	forest_destroy(forest);
	free(facts);
}

static void bench_walk(void)
{
	double steps[ROUNDS], views[ROUNDS];
	size_t count;
	struct fact *facts = make_storm(&count);
	struct forest_host *host;
	struct forest *forest = make_forest(1ull << 32, &host);
	struct arena arena = ARENA_NULL;

	apply_all(forest, host, facts, WALKED * 3ul);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct process_view view;
		size_t nodes = 0;
		double begin = cpu();

		for (struct forest_node *n = forest_node_next(host, NULL); n; n = forest_node_next(host, n))
			nodes++;
		steps[round] = (cpu() - begin) / (double)nodes * 1e9;
		begin = cpu();
		for (struct forest_node *n = forest_node_next(host, NULL); n; n = forest_node_next(host, n)) {
			arena_reset(&arena);
			if (forest_view(n, 0, &arena, &view) < 0)
				abort();
		}
		views[round] = (cpu() - begin) / (double)nodes * 1e9;
	}
	printf("walk_ns_per_node=%.0f\nview_ns_per_node=%.0f\n", median(steps), median(views));
	arena_finish(&arena);
	forest_destroy(forest);
	free(facts);
}

/* bench-forest [PART]: all parts when none is named. */
int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "storm_keeping_all storm_evicting reuse memory walk";

	make_texts();
	if (strstr(part, "storm_keeping_all"))
		bench_storm("storm_keeping_all", 1ull << 32);
	if (strstr(part, "storm_evicting"))
		bench_storm("storm_evicting", 16u << 20);
	if (strstr(part, "reuse"))
		bench_reuse();
	if (strstr(part, "memory")) {
		bench_memory("tables", false);
		bench_memory("tables_and_strings", true);
	}
	if (strstr(part, "walk"))
		bench_walk();
	return 0;
}
