/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/index.h"

#define ITEMS 1000u

struct item {
	struct index_node node;
	uint32_t key;
};

static struct item *find(const struct index *index, uint32_t key)
{
	struct index_node *node = index_first(index, index_hash(index, &key, sizeof(key)));

	for (; node; node = index_next(node)) {
		struct item *item = index_entry(node, struct item, node);

		if (item->key == key)
			return item;
	}
	return NULL;
}

static void insert(struct index *index, struct item *item, uint32_t key)
{
	item->key = key;
	assert_int_equal(index_insert(index, &item->node, index_hash(index, &key, sizeof(key))), 0);
}

static void finds_what_was_inserted_and_not_removed(void **state)
{
	static struct item items[ITEMS];
	struct index index;

	(void)state;
	index_init(&index);
	assert_null(find(&index, 1));
	for (uint32_t i = 0; i < ITEMS; i++)
		insert(&index, &items[i], i);
	for (uint32_t i = 0; i < ITEMS; i += 2)
		index_remove(&index, &items[i].node);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_ptr_equal(find(&index, i), i % 2 ? &items[i] : NULL);
	assert_int_equal(index.count, ITEMS / 2);
	index_finish(&index);
}

static void keeps_equal_hashes_apart(void **state)
{
	struct item items[3] = {0};
	struct index index;
	unsigned seen = 0;

	(void)state;
	index_init(&index);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(index_insert(&index, &items[i].node, 7), 0);
	index_remove(&index, &items[1].node);
	for (struct index_node *node = index_first(&index, 7); node; node = index_next(node))
		seen |= 1u << (index_entry(node, struct item, node) - items);
	assert_int_equal(seen, 5);
	index_finish(&index);
}

static void pops_everything_once(void **state)
{
	static struct item items[ITEMS];
	struct index index;
	unsigned count = 0;

	(void)state;
	index_init(&index);
	for (uint32_t i = 0; i < ITEMS; i++)
		insert(&index, &items[i], i);
	while (index_pop(&index))
		count++;
	assert_int_equal(count, ITEMS);
	index_finish(&index);
}

static void hashes_every_byte_of_the_key(void **state)
{
	uint8_t key[24] = {0};
	struct index index;
	uint64_t hash;

	(void)state;
	index_init(&index);
	hash = index_hash(&index, key, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++) {
		key[i] = 1;
		assert_true(index_hash(&index, key, sizeof(key)) != hash);
		key[i] = 0;
	}
	assert_true(index_hash(&index, key, 23) != hash);
	index_finish(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_what_was_inserted_and_not_removed),
	    cmocka_unit_test(keeps_equal_hashes_apart),
	    cmocka_unit_test(pops_everything_once),
	    cmocka_unit_test(hashes_every_byte_of_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
