/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "collector/forest/registry.h"
#include "collector/forest/timeline.h"

#define COUNT 3000u

static uint64_t random_state = 88172645463325252ull;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

struct rig {
	struct memory memory;
	struct slab slab;
	struct timeline timeline;
	struct registry registry;
	bool held[COUNT]; /* by start: the model */
};

static struct process_key key_of(unsigned i)
{
	return (struct process_key){.start_ns = 1 + i / 3, .tgid = 10 + i % 3}; /* three start at a time */
}

static void put(struct rig *rig, unsigned i)
{
	struct forest_node *node = slab_alloc(&rig->slab, &rig->memory, NULL);

	assert_non_null(node);
	assert_int_equal(timeline_reserve(&rig->timeline, &rig->memory, &rig->slab, key_of(i)), 0);
	node->start_ns = key_of(i).start_ns;
	node->tgid = key_of(i).tgid;
	registry_add(&rig->registry, &rig->slab, &rig->memory, node);
	timeline_add(&rig->timeline, &rig->slab, node);
	rig->held[i] = true;
}

static void take(struct rig *rig, unsigned i)
{
	struct forest_node *node = registry_find(&rig->registry, &rig->slab, key_of(i));

	assert_non_null(node);
	timeline_remove(&rig->timeline, &rig->memory, &rig->slab, node);
	registry_remove(&rig->registry, &rig->slab, node);
	slab_free(&rig->slab, &rig->memory, node);
	rig->held[i] = false;
}

static void compare(struct rig *rig)
{
	struct forest_node *node = timeline_at(&rig->timeline, &rig->slab, (struct process_key){0});

	for (unsigned i = 0; i < COUNT; i++) {
		struct process_key key = key_of(i);

		assert_int_equal(registry_find(&rig->registry, &rig->slab, key) != NULL, rig->held[i]);
		if (!rig->held[i])
			continue;
		assert_non_null(node);
		assert_int_equal(key_compare(node_key(node), key), 0);
		assert_ptr_equal(timeline_at(&rig->timeline, &rig->slab, key), node);
		node = timeline_after(&rig->timeline, &rig->slab, key);
	}
	assert_null(node);
}

static void it_walks_in_order_whatever_comes_and_goes(void **state)
{
	struct rig rig;

	(void)state;
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(registry_init(&rig.registry, &rig.memory, 7), 0);
	for (unsigned step = 0; step < 20000; step++) {
		/* more come than go, later more go than come; mostly near the end, as processes start */
		unsigned i = draw(3) ? (unsigned)draw(COUNT) : COUNT - 1 - (unsigned)draw(50);
		bool come = draw(10) < (step < 10000 ? 7 : 3);

		if (come && !rig.held[i])
			put(&rig, i);
		else if (!come && rig.held[i])
			take(&rig, i);
		if (step % 1000 == 999)
			compare(&rig);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		if (rig.held[i])
			take(&rig, i);
	}
	compare(&rig);
	assert_int_equal(rig.slab.used, 0);
	assert_int_equal(rig.timeline.count, 0);
	timeline_finish(&rig.timeline, &rig.memory);
	registry_finish(&rig.registry, &rig.memory);
	slab_finish(&rig.slab, &rig.memory);
	assert_int_equal(rig.memory.bytes, 0);
}

/* Keys chosen to meet in one bucket as long as neighbours stay together. */
static void keys_that_collide_are_scattered(void **state)
{
	struct rig rig;

	(void)state;
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(registry_init(&rig.registry, &rig.memory, 7), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		struct forest_node *node = slab_alloc(&rig.slab, &rig.memory, NULL);

		assert_non_null(node);
		node->start_ns = 1;
		node->tgid = i << 20;
		registry_add(&rig.registry, &rig.slab, &rig.memory, node);
	}
	assert_true(rig.registry.scattered);
	for (uint32_t i = 0; i < 2000; i++)
		assert_non_null(registry_find(&rig.registry, &rig.slab, (struct process_key){1, i << 20}));
	assert_null(registry_find(&rig.registry, &rig.slab, (struct process_key){1, 1}));
	registry_finish(&rig.registry, &rig.memory);
	slab_finish(&rig.slab, &rig.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_walks_in_order_whatever_comes_and_goes),
	    cmocka_unit_test(keys_that_collide_are_scattered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
