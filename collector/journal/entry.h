/* SPDX-License-Identifier: Apache-2.0 */
/* A journal record as bytes, both ways. No I/O; what is read may come from a damaged or newer journal. */
#ifndef CANOPY_COLLECTOR_JOURNAL_ENTRY_H
#define CANOPY_COLLECTOR_JOURNAL_ENTRY_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "collector/journal/journal.h"

/* At the beginning of each record; numbers are little-endian. Then come the body (a Batch, or a SensorMessage with a
 * Hello) and, for a Batch, one bit a fact and behind that one bit a gap, each filled up to whole bytes. Journals of the
 * first version have no bits for gaps: there each gap counts as new. */
struct entry_header {
	int64_t received_wall_ns;
	uint32_t body_length;
	uint32_t fact_count; /* as decoded when it was accepted; 0 for a host */
};
static_assert(sizeof(struct entry_header) == 16, "on disk");

static inline size_t entry_bits_bytes(size_t bits)
{
	return (bits + 7) / 8;
}

struct entry_header entry_header_make(int64_t received_wall_ns, size_t body_length, size_t fact_count);

/* Body of a JOURNAL_CHECKPOINT_END. */
struct entry_end {
	uint64_t begin, parts;
};
static_assert(sizeof(struct entry_end) == 16, "on disk");

/* Decodes a record of this type. Everything in *ret lives in the arena; position is not set. Errors: -EBADMSG (damaged,
 * or of a type or form that is not known here), -ENOMEM. */
int entry_decode(struct arena *arena, uint8_t type, struct bytes record, struct journal_entry *ret);

static inline bool entry_is_part(uint8_t type)
{
	return type >= JOURNAL_CHECKPOINT_BEGIN && type <= JOURNAL_CHECKPOINT_PROCESSES;
}

/* The type and when it was written alone. Errors: -EBADMSG. */
int entry_skim(uint8_t type, struct bytes record, struct journal_entry *ret);

#endif
