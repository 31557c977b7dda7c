/* SPDX-License-Identifier: Apache-2.0 */
/* One compressed message, made whole again at once or slice by slice, so that one that becomes much need not hold up what else its thread has to do. */
#ifndef CANOPY_PROTO_WIRE_INFLATER_H
#define CANOPY_PROTO_WIRE_INFLATER_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

struct inflater;

enum {
	INFLATER_E_MORE = 1, /* the slice is full, the message is not whole: run again */
};

/* Where the message is made: malloc'ed, owned by whoever runs the inflater, grown as it comes. */
struct inflated {
	uint8_t *data;
	size_t len, capacity; /* bytes; len is 0 before the first slice */
};

/* compressed: one whole zlib stream (RFC 1950) or one frame of zstd (RFC 8878) that tells its length. previous: what it may have been told by, or empty.
 * max: bytes that it may become. Errors: -ENOMEM, -EBADMSG (zstd: not one whole frame, or one that tells no length), -EMSGSIZE (zstd: tells more than max). */
int inflater_create(struct inflater **ret, struct bytes compressed, struct bytes previous, size_t max);
/* At most slice bytes more; 0 = all of it. The bytes are those of inflater_create, wherever they stand now. Returns 0 (the message is whole),
 * INFLATER_E_MORE, -EBADMSG, -EMSGSIZE (becomes more than max) or -ENOMEM; after an error it can only be destroyed. */
int inflater_run(struct inflater *inflater, struct bytes compressed, struct bytes previous, size_t slice, struct inflated *message);
/* Bytes that it holds between two slices, about; the message not counted. */
size_t inflater_memory(const struct inflater *inflater);
void inflater_destroy(struct inflater *inflater); /* takes NULL */

#endif
