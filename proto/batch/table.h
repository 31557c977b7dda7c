/* SPDX-License-Identifier: Apache-2.0 */
/* A table of rows of one fixed size in which each distinct row stands once. Its capacity is fixed when it is made (a
 * batch has at most BATCH_EVENTS_MAX events), so adding a row cannot fail. */
#ifndef CANOPY_PROTO_BATCH_TABLE_H
#define CANOPY_PROTO_BATCH_TABLE_H

#include <stdint.h>

struct table_slot {
	uint32_t generation; /* the slot is free unless it is the table's own */
	uint32_t row;
};

struct table {
	uint8_t *rows;            /* owned */
	struct table_slot *slots; /* owned; open addressing, at most half full */
	uint64_t seed;
	uint32_t row_size, key_size; /* rows with equal first key_size bytes are the same; a multiple of 4 */
	uint32_t count, capacity;
	uint32_t slot_mask;
	uint32_t generation;
};

/* Errors: -ENOMEM; the table can then still be finished. */
int table_init(struct table *table, uint32_t row_size, uint32_t key_size, uint32_t capacity, uint64_t seed);
/* Takes zeroed tables. */
void table_finish(struct table *table);
/* Forgets all rows at the cost of one addition. */
void table_clear(struct table *table);

/* Returns the index of the row that has row's key, adding row where there is none; 0 for a key of zeros (row 0 = 'none'
 * stands in no table). Indexes count from 1. Asserts that there is room. */
uint32_t table_intern(struct table *table, const void *row);
/* Adds row without looking for an equal one; it will not be found by its key. */
uint32_t table_append(struct table *table, const void *row);

/* The row of an index that is not 0; valid until the table is cleared. */
static inline void *table_row(const struct table *table, uint32_t index)
{
	return table->rows + (uint64_t)(index - 1) * table->row_size;
}

#endif
