/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one Batch in, validated facts out. No I/O; every index, length and bound is checked before use, so the
 * bytes may come from anyone. */
#ifndef CANOPY_PROTO_BATCH_DECODER_H
#define CANOPY_PROTO_BATCH_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/fact.h"
#include "proto/batch/encoder.h"

/* What one batch may make us allocate; a sender that exceeds it is cut off (the encoder stays far below). */
#define BATCH_DECODED_EVENTS_MAX 65536u
#define BATCH_DECODED_BYTES_MAX (64u * 1024u * 1024u)

struct batch {
	struct batch_id id;
	int64_t boottime_to_wall_ns;
	size_t fact_count, gap_count, snapshot_count;
	struct fact *facts; /* events of unknown type are left out */
	struct gap *gaps;
	struct snapshot_mark *snapshots;
};

/* Decodes into the arena; *ret and all that it points to live as long as the arena and do not point into data.
 * Errors: -EBADMSG (*ret_why then names the object and the value, a static string or one in the arena; ret_why may be
 * NULL), -ENOMEM (memory, or the arena's own limit), -E2BIG (a bound above). *ret is untouched on failure. */
int batch_decode(struct arena *arena, const uint8_t *data, size_t len, struct batch *ret, const char **ret_why);

/* Reads only the identity, without allocation. Errors: -EBADMSG. */
int batch_peek(const uint8_t *data, size_t len, struct batch_id *ret);

#endif
