/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder's table of byte strings: each distinct one once, in one growing buffer that is kept over batches. */
#ifndef CANOPY_PROTO_BATCH_STRINGS_H
#define CANOPY_PROTO_BATCH_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

struct string_row {
	uint32_t offset, len; /* in the buffer */
	uint32_t hash;
};

struct string_slot {
	uint32_t generation; /* the slot is free unless it is the table's own */
	uint32_t hash;
	uint32_t row;
};

struct strings {
	uint8_t *buffer; /* owned */
	struct string_row *rows;   /* owned */
	struct string_slot *slots; /* owned; open addressing, at most half full */
	uint64_t seed;
	uint32_t used, buffer_size;
	uint32_t count, capacity;
	uint32_t slot_mask;
	uint32_t generation;
};

/* Errors: -ENOMEM; the table can then still be finished. */
int strings_init(struct strings *strings, uint64_t seed);
/* Takes zeroed tables. */
void strings_finish(struct strings *strings);
/* Forgets all strings; keeps memory of the usual size, gives back what an unusual batch needed. */
void strings_clear(struct strings *strings);

/* Makes room for count strings of bytes bytes in sum, so that interning them cannot fail. Errors: -ENOMEM, nothing has
 * changed. */
int strings_reserve(struct strings *strings, uint32_t count, uint32_t bytes);
/* The index of the string, counted from 1; 0 is the empty one. Copies what it adds. Asserts that there is room. */
uint32_t strings_intern(struct strings *strings, struct bytes string);

/* The string of an index that is not 0; valid until strings are reserved or cleared. */
static inline struct bytes strings_get(const struct strings *strings, uint32_t index)
{
	const struct string_row *row = &strings->rows[index - 1];

	return bytes_make(strings->buffer + row->offset, row->len);
}

#endif
