/* SPDX-License-Identifier: Apache-2.0 */
/* What has been told of each process that lives, for the filters: whoever was begun must be ended. */
#ifndef CANOPY_SENSOR_BATCH_TOLD_H
#define CANOPY_SENSOR_BATCH_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/identity.h"

/* Processes remembered: the kernel's usual pid_max twice over; 2 MiB at the most, as little as the host needs otherwise. */
#define TOLD_MAX 65536u

struct told_slot {
	uint64_t start_ns;
	uint64_t seen_ns;   /* time of its newest fact */
	uint64_t exe_rules; /* bit n: the pattern of rule n matches its executable */
	uint32_t tgid;      /* 0 = free */
	bool sent;          /* a fact about it has left the host */
};

struct told {
	struct told_slot *slots; /* owned; a power of two of them, at most three quarters in use */
	size_t size, used;
	bool overflowed; /* a process found no room: absence proves nothing any more */
};

#define TOLD_NULL ((struct told){NULL, 0, 0, false})

void told_finish(struct told *told);

/* NULL when nothing is known of the process. Start times that differ by the rounding of /proc are the same. Valid until the next change. */
const struct told_slot *told_find(const struct told *told, struct process_key key);

/* Takes the place of what was known of that tgid. Without room or memory it is left out, and overflowed is set. */
void told_put(struct told *told, const struct told_slot *slot);
void told_remove(struct told *told, uint32_t tgid);

/* Forgets whoever has no fact since before_ns: after a whole snapshot those are gone. */
void told_sweep(struct told *told, uint64_t before_ns);

#endif
