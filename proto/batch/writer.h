/* SPDX-License-Identifier: Apache-2.0 */
/* Writes protobuf from the last byte to the first: a length is known when it is its turn to be written, so no field is measured
 * beforehand and nothing is moved. The caller writes fields in the reverse of the order wanted. */
#ifndef CANOPY_PROTO_BATCH_WRITER_H
#define CANOPY_PROTO_BATCH_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/wire/scan.h"

/* Borrows its buffer. overflow, once set, stays: nothing is written outside. */
struct writer {
	uint8_t *base, *at, *end; /* at runs from end down to base */
	bool overflow;
};

static inline struct writer writer_make(uint8_t *buffer, size_t size)
{
	return (struct writer){buffer, buffer + size, buffer + size, false};
}

static inline size_t writer_length(const struct writer *writer)
{
	return (size_t)(writer->end - writer->at);
}

static inline size_t writer_varint_size(uint64_t value)
{
	unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);

	return (bits + 6) / 7;
}

static inline uint8_t *writer_take_(struct writer *writer, size_t size)
{
	if (size > (size_t)(writer->at - writer->base)) {
		writer->overflow = true;
		return NULL;
	}
	return writer->at -= size;
}

static inline void writer_varint(struct writer *writer, uint64_t value)
{
	uint8_t *to = writer_take_(writer, writer_varint_size(value));

	if (!to)
		return;
	for (; value > 0x7f; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to = (uint8_t)value;
}

static inline void writer_tag(struct writer *writer, unsigned field, enum scan_wire wire)
{
	writer_varint(writer, field << 3 | wire);
}

static inline void writer_uint(struct writer *writer, unsigned field, uint64_t value)
{
	if (value == 0)
		return; /* proto3: a zero is not written */
	writer_varint(writer, value);
	writer_tag(writer, field, SCAN_VARINT);
}

static inline void writer_fixed64(struct writer *writer, unsigned field, uint64_t value)
{
	uint8_t *to = writer_take_(writer, 8);

	if (!to)
		return;
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (8 * i));
	writer_tag(writer, field, SCAN_FIXED64);
}

/* Length and tag before what was written since the writer's length was mark. */
static inline void writer_enclose(struct writer *writer, unsigned field, size_t mark)
{
	writer_varint(writer, writer_length(writer) - mark);
	writer_tag(writer, field, SCAN_BYTES);
}

static inline void writer_bytes(struct writer *writer, unsigned field, const void *data, size_t len)
{
	size_t mark = writer_length(writer);
	uint8_t *to = writer_take_(writer, len);

	if (!to)
		return;
	if (len)
		memcpy(to, data, len);
	writer_enclose(writer, field, mark);
}

#endif
