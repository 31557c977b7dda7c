/* SPDX-License-Identifier: Apache-2.0 */
/* Linear probing over slots that carry the generation they were written in: a batch every few milliseconds must not
 * pay for wiping tables. */
#include "proto/batch/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch/hash.h"

int table_init(struct table *table, uint32_t row_size, uint32_t key_size, uint32_t capacity, uint64_t seed)
{
	uint32_t slots = 16;

	while (slots < capacity * 2)
		slots *= 2;
	*table = (struct table){
		.rows = calloc(capacity, row_size),
		.slots = calloc(slots, sizeof(*table->slots)),
		.seed = seed,
		.row_size = row_size,
		.key_size = key_size,
		.capacity = capacity,
		.slot_mask = slots - 1,
		.generation = 1,
	};
	return table->rows && table->slots ? 0 : -ENOMEM;
}

void table_finish(struct table *table)
{
	free(table->rows);
	free(table->slots);
	*table = (struct table){0};
}

void table_clear(struct table *table)
{
	table->count = 0;
	if (++table->generation == 0) { /* wrapped around: old slots would come alive */
		memset(table->slots, 0, (table->slot_mask + (size_t)1) * sizeof(*table->slots));
		table->generation = 1;
	}
}

uint32_t table_append(struct table *table, const void *row)
{
	assert(table->count < table->capacity);
	memcpy(table->rows + (size_t)table->count * table->row_size, row, table->row_size);
	return ++table->count;
}

static int is_zero(const uint8_t *key, uint32_t size)
{
	uint32_t any = 0, word;

	for (uint32_t i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, key + i, sizeof(word));
		any |= word;
	}
	return any == 0;
}

uint32_t table_intern(struct table *table, const void *row)
{
	uint64_t at = hash_bytes(table->seed, row, table->key_size);

	if (is_zero(row, table->key_size))
		return 0;
	for (;; at++) {
		struct table_slot *slot = &table->slots[at & table->slot_mask];

		if (slot->generation != table->generation) {
			*slot = (struct table_slot){table->generation, table_append(table, row)};
			return slot->row;
		}
		if (memcmp(table_row(table, slot->row), row, table->key_size) == 0)
			return slot->row;
	}
}
