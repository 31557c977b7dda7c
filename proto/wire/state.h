/* SPDX-License-Identifier: Apache-2.0 */
/* Message HostState of canopy.proto as a plain struct: what a checkpoint of the journal holds of a host boot beside its
 * description and its processes. No I/O. */
#ifndef CANOPY_PROTO_WIRE_STATE_H
#define CANOPY_PROTO_WIRE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/fact.h"
#include "canopy/identity.h"

/* More than any collector keeps of a host boot: bounds what a damaged record can cost. */
#define STATE_ERAS_MAX 256u
#define STATE_GAPS_MAX 4096u
#define STATE_STREAMS_MAX 1024u

/* A wall clock that the host has had. */
struct state_era {
	uint64_t since_ns; /* boottime */
	int64_t boottime_to_wall_ns;
};

struct state_stream {
	uint64_t stream, first_seq, next_seq, newest_ns;
};

/* Fields as in canopy.proto. */
struct boot_state {
	struct boot_id boot;
	uint64_t facts[5], lost[5]; /* by enum fact_type */
	uint64_t evicted, horizon_ns, snapshot_ns;
	bool clock_known, fact_known;
	uint64_t clock_ns, first_fact_ns, last_fact_ns;
	int64_t boottime_to_wall_ns, first_fact_to_wall_ns;
	uint64_t sequence_gaps;
	int64_t seen_wall_ns;
	uint64_t last_record;
	const struct state_era *eras;
	const struct gap *gaps;
	const struct state_stream *streams;
	size_t era_count, gap_count, stream_count;
};

/* *ret lies in the arena. Errors: -ENOMEM, -EINVAL (a bound above). */
int boot_state_encode(const struct boot_state *state, struct arena *arena, struct bytes *ret);
/* All that *ret points to lies in the arena. Errors: -EBADMSG, -ENOMEM. */
int boot_state_decode(struct arena *arena, const uint8_t *data, size_t len, struct boot_state *ret);

#endif
