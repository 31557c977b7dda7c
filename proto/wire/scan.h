/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the fields of one protobuf message without unpacking it. Header-only, so that the loops of the batch decoder
 * inline it. */
#ifndef CANOPY_PROTO_WIRE_SCAN_H
#define CANOPY_PROTO_WIRE_SCAN_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_VARINT_BYTES_MAX 10u /* 64 bits in groups of 7 */

enum scan_wire { /* protobuf's wire types; groups (3, 4) are refused: no proto3 writer makes them */
	SCAN_VARINT = 0,
	SCAN_FIXED64 = 1,
	SCAN_BYTES = 2,
	SCAN_FIXED32 = 5,
};

/* What is left of a message. Borrows the bytes. */
struct scan {
	const uint8_t *at, *end;
};

struct scan_field {
	uint32_t number;
	enum scan_wire wire;
	uint64_t value;    /* SCAN_VARINT, SCAN_FIXED64, SCAN_FIXED32 */
	struct scan bytes; /* SCAN_BYTES */
};

static inline struct scan scan_make(const uint8_t *data, size_t len)
{
	return (struct scan){data, data + len};
}

static inline size_t scan_left(const struct scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

/* Returns 0 or -EBADMSG (cut off, or more than 64 bits). */
static inline int scan_varint(struct scan *scan, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < SCAN_VARINT_BYTES_MAX && scan->at < scan->end; i++) {
		uint8_t byte = *scan->at++;

		if (i == SCAN_VARINT_BYTES_MAX - 1 && byte > 1)
			return -EBADMSG;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

/* Fixed-width values are little-endian on the wire. */
static inline int scan_fixed(struct scan *scan, unsigned width, uint64_t *ret)
{
	uint64_t value = 0;

	if (scan_left(scan) < width)
		return -EBADMSG;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)scan->at[i] << (8 * i);
	scan->at += width;
	*ret = value;
	return 0;
}

static inline int scan_bytes(struct scan *scan, struct scan *ret)
{
	uint64_t len;

	if (scan_varint(scan, &len) < 0 || len > scan_left(scan))
		return -EBADMSG;
	*ret = scan_make(scan->at, (size_t)len);
	scan->at += len;
	return 0;
}

/* Takes the next field; returns 0 or -EBADMSG. Call it while scan_left() is not 0. */
static inline int scan_next(struct scan *scan, struct scan_field *ret)
{
	uint64_t tag;

	if (scan_varint(scan, &tag) < 0 || tag > UINT32_MAX || tag >> 3 == 0)
		return -EBADMSG;
	ret->number = (uint32_t)(tag >> 3);
	ret->wire = (enum scan_wire)(tag & 7);
	switch (ret->wire) {
	case SCAN_VARINT:
		return scan_varint(scan, &ret->value);
	case SCAN_FIXED64:
		return scan_fixed(scan, 8, &ret->value);
	case SCAN_BYTES:
		return scan_bytes(scan, &ret->bytes);
	case SCAN_FIXED32:
		return scan_fixed(scan, 4, &ret->value);
	}
	return -EBADMSG;
}

#endif
