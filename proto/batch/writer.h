/* SPDX-License-Identifier: Apache-2.0 */
/* Writes protobuf from the last byte to the first: a length is known when it is its turn to be written, so no field is
 * measured beforehand and nothing is moved. The caller writes fields in the reverse of the order wanted. */
#ifndef CANOPY_PROTO_BATCH_WRITER_H
#define CANOPY_PROTO_BATCH_WRITER_H

#include <endian.h>
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

/* The slow way, for the widest numbers and the last bytes of the buffer. */
static inline void writer_varint_slow_(struct writer *writer, uint64_t value)
{
	uint8_t *to = writer_take_(writer, writer_varint_size(value));

	if (!to)
		return;
	for (; value > 0x7f; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to = (uint8_t)value;
}

/* Spreads 56 bits over eight bytes in groups of 7: by halves, quarters, single bytes. */
static inline uint64_t writer_spread_(uint64_t value)
{
	value = (value & UINT64_C(0x000000000fffffff)) | (value & UINT64_C(0x00fffffff0000000)) << 4;
	value = (value & UINT64_C(0x00003fff00003fff)) | (value & UINT64_C(0x0fffc0000fffc000)) << 2;
	return (value & UINT64_C(0x007f007f007f007f)) | (value & UINT64_C(0x3f803f803f803f80)) << 1;
}

/* Lengths vary from value to value, so a loop over the bytes would mispredict its end. All eight bytes before the
 * writer's place are stored instead; those that do not belong to the value are overwritten by what comes next. */
static inline void writer_varint(struct writer *writer, uint64_t value)
{
	unsigned size;
	uint64_t word;

	if (value < 0x80 && writer->at > writer->base) { /* most columns hold nothing else */
		*--writer->at = (uint8_t)value;
		return;
	}
	size = (unsigned)writer_varint_size(value);
	if (size > 8 || writer->at - writer->base < 8) {
		writer_varint_slow_(writer, value);
		return;
	}
	word = writer_spread_(value) | (UINT64_C(0x8080808080808080) & ((UINT64_C(1) << (8 * (size - 1))) - 1));
	word = htole64(word << (64 - 8 * size));
	memcpy(writer->at - 8, &word, sizeof(word));
	writer->at -= size;
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
