/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a random tree: what is taken, with its ancestors, and in which order it is walked. */
#include "tests/unit/proto/model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/api/grove.h"

#define COUNT 3000u

struct wood {
	struct forest *forest;
	struct forest_host *host;
	uint32_t parent[COUNT + 1]; /* by pid; 0 = a root */
};

static struct process_key key_of(uint32_t pid)
{
	return (struct process_key){.tgid = pid, .start_ns = pid * 1000ull};
}

static void wood_init(struct wood *wood)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct fact_context context = {.loginuid = FACT_ID_UNKNOWN};
	struct boot_id boot = {{1}};
	unsigned seed = 3;

	assert_int_equal(forest_create(&wood->forest, &options), 0);
	assert_int_equal(forest_host_get(wood->forest, &boot, &wood->host), 0);
	for (uint32_t pid = 1; pid <= COUNT; pid++) {
		struct fact fact = {.type = FACT_FORK, .time_ns = pid * 1000ull, .self = key_of(pid), .context = &context,
				    .comm = BYTES_LITERAL("p")};
		bool fresh;

		wood->parent[pid] = pid > 3 ? 1 + (uint32_t)rand_r(&seed) % (pid - 1) : 0;
		if (wood->parent[pid])
			fact.parent = key_of(wood->parent[pid]);
		assert_int_equal(forest_apply(wood->forest, wood->host, &fact, 0, &fresh), 0);
	}
}

static uint32_t depth_of(const struct wood *wood, uint32_t pid)
{
	uint32_t depth = 0;

	while ((pid = wood->parent[pid]))
		depth++;
	return depth;
}

/* Walks the grove and checks it against what is expected: each pid of keep once, behind its parent, siblings by start. */
static void check(const struct wood *wood, const struct grove *grove, const bool *keep, uint32_t depth_max)
{
	uint32_t at = GROVE_NONE, seen = 0, wanted = 0, path[COUNT] = {0};
	static bool done[COUNT + 1];

	memset(done, 0, sizeof(done));
	while ((at = grove_next(grove, at, depth_max)) != GROVE_NONE) {
		uint32_t pid = grove->nodes[at].key.tgid, depth = grove->nodes[at].depth;

		assert_true(keep[pid] && !done[pid]);
		assert_int_equal(depth, depth_of(wood, pid));
		assert_true(depth == 0 || path[depth - 1] == wood->parent[pid]);
		if (seen && path[depth] && wood->parent[path[depth]] == wood->parent[pid])
			assert_true(path[depth] < pid);
		path[depth] = pid;
		done[pid] = true;
		seen++;
	}
	for (uint32_t pid = 1; pid <= COUNT; pid++)
		wanted += keep[pid] && depth_of(wood, pid) <= depth_max;
	assert_int_equal(seen, wanted);
}

static void test_random_parts(void **state)
{
	struct grove grove = {.count = 0};
	struct wood wood;
	unsigned seed = 11;

	wood_init(&wood);
	for (unsigned part = 0; part < 8; part++) {
		static bool keep[COUNT + 1];
		unsigned takes = part * part * 40;

		memset(keep, 0, sizeof(keep));
		grove_clear(&grove);
		for (unsigned i = 0; i < takes; i++) {
			uint32_t pid = 1 + (uint32_t)rand_r(&seed) % COUNT, number;

			assert_int_equal(grove_add(&grove, forest_find(wood.host, key_of(pid)), true, false), 0);
			number = grove_find(&grove, key_of(pid));
			assert_true(number != GROVE_NONE && grove.nodes[number].match);
			for (; pid; pid = wood.parent[pid])
				keep[pid] = true;
		}
		assert_int_equal(grove_grow(&grove), 0);
		check(&wood, &grove, keep, UINT32_MAX);
		assert_int_equal(grove_find(&grove, key_of(COUNT + 1)), GROVE_NONE);
	}
	grove_finish(&grove);
	forest_destroy(wood.forest);
}

static void test_depth(void **state)
{
	struct grove grove = {.count = 0};
	static bool keep[COUNT + 1];
	struct wood wood;

	wood_init(&wood);
	grove_clear(&grove);
	memset(keep, true, sizeof(keep));
	for (uint32_t pid = 1; pid <= COUNT; pid++)
		assert_int_equal(grove_add(&grove, forest_find(wood.host, key_of(pid)), false, true), 0);
	assert_int_equal(grove_grow(&grove), 0);
	for (uint32_t depth = 0; depth < 12; depth++)
		check(&wood, &grove, keep, depth);
	grove_finish(&grove);
	forest_destroy(wood.forest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_parts),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
