/* SPDX-License-Identifier: Apache-2.0 */
/* An array with a hash index over identities. Children are linked in a pass of their own over the nodes sorted by
 * start, so that collecting does not depend on any order. */
#include "collector/console/api/grove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void grove_finish(struct grove *grove)
{
	free(grove->nodes);
	free(grove->index);
	*grove = (struct grove){0};
}

void grove_clear(struct grove *grove)
{
	grove->count = 0;
	grove->full = false;
	grove->root_first = GROVE_NONE;
	if (grove->index_size)
		memset(grove->index, 0, grove->index_size * sizeof(*grove->index));
}

/* ---- index --------------------------------------------------------------------------------------------------- */

/* Start times differ in their low bits; the multiplier is 2^64 divided by the golden ratio. */
static uint32_t slot_of(const struct grove *grove, struct process_key key)
{
	uint64_t hash = (key.start_ns ^ (uint64_t)key.tgid << 40) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(hash >> 32) & (grove->index_size - 1);
}

static void put_in_index(struct grove *grove, uint32_t number)
{
	uint32_t slot = slot_of(grove, grove->nodes[number].key);

	while (grove->index[slot])
		slot = (slot + 1) & (grove->index_size - 1);
	grove->index[slot] = number + 1;
}

uint32_t grove_find(const struct grove *grove, struct process_key key)
{
	uint32_t slot;

	if (!grove->index_size)
		return GROVE_NONE;
	for (slot = slot_of(grove, key); grove->index[slot]; slot = (slot + 1) & (grove->index_size - 1))
		if (process_key_equal(grove->nodes[grove->index[slot] - 1].key, key))
			return grove->index[slot] - 1;
	return GROVE_NONE;
}

static int grow_arrays(struct grove *grove)
{
	uint32_t capacity = grove->capacity ? 2 * grove->capacity : 1024;
	struct grove_node *nodes = reallocarray(grove->nodes, capacity, sizeof(*nodes));
	uint32_t *index;

	if (!nodes)
		return -ENOMEM;
	grove->nodes = nodes;
	index = calloc(2 * (size_t)capacity, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(grove->index);
	grove->index = index;
	grove->index_size = 2 * capacity;
	grove->capacity = capacity;
	for (uint32_t i = 0; i < grove->count; i++)
		put_in_index(grove, i);
	return 0;
}

/* ---- collecting ---------------------------------------------------------------------------------------------- */

static int add_one(struct grove *grove, const struct forest_node *node, uint32_t *ret)
{
	if (grove->count == grove->capacity && grow_arrays(grove) < 0)
		return -ENOMEM;
	*ret = grove->count++;
	grove->nodes[*ret] = (struct grove_node){
	    .key = forest_node_key(node), .parent = GROVE_NONE, .child_first = GROVE_NONE, .sibling_next = GROVE_NONE};
	put_in_index(grove, *ret);
	return 0;
}

int grove_add(struct grove *grove, const struct forest_node *node, bool match, bool carried)
{
	uint32_t below = GROVE_NONE, number;

	for (; node; node = forest_parent(node)) {
		bool known;

		number = grove_find(grove, forest_node_key(node));
		known = number != GROVE_NONE;
		if (!known && grove->count >= GROVE_MAX) {
			grove->full = true;
			return 0;
		}
		if (!known && add_one(grove, node, &number) < 0)
			return -ENOMEM;
		if (below == GROVE_NONE) {
			grove->nodes[number].match |= match;
			grove->nodes[number].carried |= carried;
		} else {
			grove->nodes[below].parent = number;
		}
		if (known)
			return 0; /* and so is all above it */
		below = number;
	}
	return 0;
}

/* ---- order --------------------------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b, void *argument)
{
	const struct grove *grove = argument;
	const struct process_key *x = &grove->nodes[*(const uint32_t *)a].key,
				 *y = &grove->nodes[*(const uint32_t *)b].key;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

int grove_grow(struct grove *grove)
{
	uint32_t *order = calloc(grove->count ? grove->count : 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < grove->count; i++)
		order[i] = i;
	qsort_r(order, grove->count, sizeof(*order), by_start, grove);
	grove->root_first = GROVE_NONE;
	for (uint32_t i = grove->count; i > 0; i--) { /* from the last, since each is put before those that are there */
		struct grove_node *node = &grove->nodes[order[i - 1]];
		uint32_t *first =
		    node->parent == GROVE_NONE ? &grove->root_first : &grove->nodes[node->parent].child_first;

		node->sibling_next = *first;
		*first = order[i - 1];
		if (node->parent != GROVE_NONE)
			grove->nodes[node->parent].child_count++;
	}
	free(order);
	for (uint32_t at = grove->root_first; at != GROVE_NONE; at = grove_next(grove, at, UINT32_MAX)) {
		uint32_t parent = grove->nodes[at].parent;

		grove->nodes[at].depth = parent == GROVE_NONE ? 0 : grove->nodes[parent].depth + 1;
	}
	return 0;
}

uint32_t grove_next(const struct grove *grove, uint32_t at, uint32_t depth_max)
{
	if (at == GROVE_NONE)
		return grove->root_first;
	if (grove->nodes[at].child_first != GROVE_NONE && grove->nodes[at].depth < depth_max)
		return grove->nodes[at].child_first;
	while (at != GROVE_NONE && grove->nodes[at].sibling_next == GROVE_NONE)
		at = grove->nodes[at].parent;
	return at == GROVE_NONE ? GROVE_NONE : grove->nodes[at].sibling_next;
}
