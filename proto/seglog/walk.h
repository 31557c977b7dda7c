/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over the records of one segment file, from one to the next and past damage, through a window of buffered reads.
 */
#ifndef CANOPY_PROTO_SEGLOG_WALK_H
#define CANOPY_PROTO_SEGLOG_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/seglog/seglog.h"

#define WALK_WINDOW_BYTES (128u * 1024u) /* a few batches a read; small enough for the sensor's memory budget */

struct walk {
	int fd;          /* borrowed */
	uint32_t seed;   /* of the segment's checksums */
	uint64_t offset; /* end of the last good record */
	uint64_t number; /* the least that the next record can have */

	uint8_t *window; /* owned: file bytes [start, start + len) */
	uint64_t start;
	size_t len, capacity;
};

enum {
	WALK_E_END = 1, /* no further record below the limit */
};

/* Begins at the segment's first record. */
void walk_init(struct walk *walk, int fd, uint32_t seed, uint64_t first);
/* Takes zeroed ones. The descriptor stays the caller's. */
void walk_finish(struct walk *walk);

/* The next whole record below file offset limit; when ret->number is greater than walk->number was, those between are
 * damaged or missing. The payload is borrowed until the next call. Returns 0, WALK_E_END or -errno. */
int walk_next(struct walk *walk, uint64_t limit, struct seglog_record *ret);
/* Goes past records below number by their headers alone, as far as those are intact. Returns 0 or -errno. */
int walk_seek(struct walk *walk, uint64_t limit, uint64_t number);
/* Whether a record below limit and behind the walk's place says that all before it was durable. The walk stays where it is.
 * Returns 0 or -errno. */
int walk_settled(const struct walk *walk, uint64_t limit, bool *ret);
/* Bytes from walk->offset on up to and including the last one below limit that is not zero. Returns 0 or -errno. */
int walk_garbage(struct walk *walk, uint64_t limit, uint64_t *ret_bytes);

#endif
