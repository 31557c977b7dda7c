/* SPDX-License-Identifier: Apache-2.0 */
/* Like table.c, for rows of any length: slots carry a generation instead of being wiped, and 32 bits of the hash, so
 * that hardly any lookup touches a string that is not its own. */
#include "proto/batch/strings.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch/hash.h"

#define ROWS_MIN 2048u         /* of a usual batch of builds: some hundred distinct arguments and paths */
#define BUFFER_MIN 65536u
#define KEEP_FACTOR 4u         /* over the minimum: what a batch that was once large may keep */

int strings_init(struct strings *strings, uint64_t seed)
{
	*strings = (struct strings){
		.buffer = malloc(BUFFER_MIN),
		.rows = malloc(ROWS_MIN * sizeof(*strings->rows)),
		.slots = calloc((size_t)ROWS_MIN * 2, sizeof(*strings->slots)),
		.seed = seed,
		.buffer_size = BUFFER_MIN,
		.capacity = ROWS_MIN,
		.slot_mask = ROWS_MIN * 2 - 1,
		.generation = 1,
	};
	return strings->buffer && strings->rows && strings->slots ? 0 : -ENOMEM;
}

void strings_finish(struct strings *strings)
{
	free(strings->buffer);
	free(strings->rows);
	free(strings->slots);
	*strings = (struct strings){0};
}

static void next_generation(struct strings *strings)
{
	if (++strings->generation == 0) { /* wrapped around: old slots would come alive */
		memset(strings->slots, 0, (strings->slot_mask + (size_t)1) * sizeof(*strings->slots));
		strings->generation = 1;
	}
}

/* Where memory for the small table is refused, the large one stays: no harm. */
static void shrink(struct strings *strings)
{
	struct strings small;

	if (strings->capacity <= ROWS_MIN * KEEP_FACTOR && strings->buffer_size <= BUFFER_MIN * KEEP_FACTOR)
		return;
	if (strings_init(&small, strings->seed) < 0) {
		strings_finish(&small);
		return;
	}
	strings_finish(strings);
	*strings = small;
}

void strings_clear(struct strings *strings)
{
	strings->used = 0;
	strings->count = 0;
	next_generation(strings);
	shrink(strings);
}

static uint32_t doubled(uint32_t size, uint64_t need)
{
	uint64_t grown = size;

	while (grown < need)
		grown *= 2;
	return grown > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)grown;
}

static int grow_buffer(struct strings *strings, uint32_t size)
{
	uint8_t *buffer = realloc(strings->buffer, size);

	if (!buffer)
		return -ENOMEM;
	strings->buffer = buffer;
	strings->buffer_size = size;
	return 0;
}

static void place(struct strings *strings, uint32_t hash, uint32_t row)
{
	uint32_t at = hash;

	while (strings->slots[at & strings->slot_mask].generation == strings->generation)
		at++;
	strings->slots[at & strings->slot_mask] = (struct string_slot){strings->generation, hash, row};
}

static int grow_rows(struct strings *strings, uint32_t capacity)
{
	struct string_row *rows = realloc(strings->rows, (size_t)capacity * sizeof(*rows));
	struct string_slot *slots;

	if (!rows)
		return -ENOMEM;
	strings->rows = rows;
	slots = calloc((size_t)capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(strings->slots);
	strings->slots = slots;
	strings->capacity = capacity;
	strings->slot_mask = capacity * 2 - 1;
	for (uint32_t i = 0; i < strings->count; i++)
		place(strings, rows[i].hash, i + 1);
	return 0;
}

int strings_reserve(struct strings *strings, uint32_t count, uint32_t bytes)
{
	uint32_t buffer_size = doubled(strings->buffer_size, (uint64_t)strings->used + bytes);
	uint32_t capacity = doubled(strings->capacity, (uint64_t)strings->count + count);
	int r = 0;

	if (buffer_size != strings->buffer_size)
		r = grow_buffer(strings, buffer_size);
	if (r == 0 && capacity != strings->capacity)
		r = grow_rows(strings, capacity);
	return r;
}

static uint32_t append(struct strings *strings, struct bytes string, uint32_t hash)
{
	assert(strings->count < strings->capacity && string.len <= strings->buffer_size - strings->used);
	memcpy(strings->buffer + strings->used, string.data, string.len);
	strings->rows[strings->count] = (struct string_row){strings->used, string.len, hash};
	strings->used += string.len;
	return ++strings->count;
}

uint32_t strings_intern(struct strings *strings, struct bytes string)
{
	uint32_t hash, at;

	if (string.len == 0)
		return 0;
	hash = (uint32_t)(hash_bytes(strings->seed, string.data, string.len) >> 32);
	for (at = hash;; at++) {
		struct string_slot *slot = &strings->slots[at & strings->slot_mask];

		if (slot->generation != strings->generation) {
			*slot = (struct string_slot){strings->generation, hash, append(strings, string, hash)};
			return slot->row;
		}
		if (slot->hash == hash && bytes_equal(strings_get(strings, slot->row), string))
			return slot->row;
	}
}
