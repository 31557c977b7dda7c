/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that must hold inside a forest at any moment between two calls, checked against counting anew. */
#ifndef TEST_FOREST_CHECK_H
#define TEST_FOREST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "collector/forest/core.h"
#include "collector/forest/place.h"

static inline void check_node(const struct forest_host *host, const struct forest_node *node)
{
	struct forest_node *parent = host_node(host, node->parent);
	uint32_t quality, children = 0, kept = 0, last = 0;

	assert_ptr_equal(host_find(host, node_key(node)), node);
	assert_ptr_equal(slab_host_of(node), host);
	assert_int_equal(node->state, place_state(host, node, &quality));
	assert_int_equal(node->place, node->state == PROCESS_LIVE ? PLACE_LIVE
				      : node->kept_children       ? PLACE_KEPT
				      : node->place == PLACE_HELD ? PLACE_HELD /* as the reading of a checkpoint has it */
								  : PLACE_SPENT);
	assert_true(node->place != PLACE_HELD || host->forest->restoring);
	if (parent)
		assert_true(key_compare(node_key(parent), node_key(node)) < 0);
	assert_int_equal(!!(node->flags & NODE_KEEPS), parent && node->place != PLACE_SPENT && node->place != PLACE_HELD);
	for (uint32_t ref = node->child_first; ref; ref = host_node(host, ref)->sibling_next) {
		const struct forest_node *child = host_node(host, ref);

		assert_int_equal(child->parent, node->ref);
		assert_int_equal(child->sibling_prev, last);
		if (last && !(node->flags & NODE_UNSORTED))
			assert_true(key_compare(node_key(host_node(host, last)), node_key(child)) < 0);
		last = ref;
		children++;
		kept += child->flags & NODE_KEEPS ? 1 : 0;
	}
	assert_int_equal(node->child_last, last);
	assert_int_equal(node->child_count, children);
	assert_int_equal(node->kept_children, kept);
	assert_true(node->flags & NODE_OWN || children); /* who is only spoken of has someone who speaks of him */
}

static inline uint32_t check_list(const struct forest_host *host, enum node_place place)
{
	uint32_t count = 0, prev = 0;

	for (uint32_t ref = host->places[place].first; ref; ref = host_node(host, ref)->place_next) {
		assert_int_equal(host_node(host, ref)->place, place);
		assert_int_equal(host_node(host, ref)->place_prev, prev);
		prev = ref;
		count++;
	}
	assert_int_equal(host->places[place].last, prev);
	assert_int_equal(host->places[place].count, count);
	return count;
}

static inline void check_host(const struct forest_host *host)
{
	uint64_t states[3] = {0}, charge = 0, held = 0;
	uint32_t nodes = 0, vague = 0;
	struct process_key before = {0};

	for (struct forest_node *node = forest_node_next(host, NULL); node; node = forest_node_next(host, node)) {
		if (nodes++)
			assert_true(key_compare(before, node_key(node)) < 0);
		before = node_key(node);
		check_node(host, node);
		states[node->state]++;
		charge += node->place == PLACE_SPENT ? node_charge(node) : 0;
		held += node->place == PLACE_HELD ? node_charge(node) : 0;
		vague += node->flags & NODE_VAGUE ? 1 : 0;
	}
	assert_int_equal(nodes, host->slab.used);
	assert_int_equal(nodes, host->registry.count);
	assert_int_equal(vague, host->vague_count);
	assert_int_equal(charge, host->spent_bytes);
	assert_int_equal(held, host->held_bytes);
	assert_memory_equal(states, host->states, sizeof(states));
	assert_int_equal(nodes,
			 check_list(host, PLACE_LIVE) + check_list(host, PLACE_KEPT) + check_list(host, PLACE_SPENT) +
				 check_list(host, PLACE_HELD));
	assert_int_equal(host->places[PLACE_NONE].count, 0);
}

static inline void check_forest(const struct forest *forest)
{
	uint64_t nodes = 0, charge = 0;

	for (uint32_t i = 0; i < forest->host_count; i++) {
		struct forest_host *host = forest->ordered[i];

		assert_int_equal(host->ordered_at, i);
		assert_ptr_equal(forest->heap[host->heap_at], host);
		if (host->heap_at)
			assert_true(forest->heap[(host->heap_at - 1) / 2]->spent_bytes >= host->spent_bytes);
		if (i)
			assert_true(host_compare(forest->ordered[i - 1], host) < 0);
		assert_ptr_equal(forest_host_find(forest, &host->boot), host);
		check_host(host);
		charge += host->spent_bytes;
		nodes += host->slab.used;
	}
	assert_int_equal(charge, forest->spent_bytes);
	assert_int_equal(nodes, forest->node_count);
}

#endif
