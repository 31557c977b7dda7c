/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that one snapshot has come across: tgid -> start time. */
#ifndef CANOPY_SENSOR_PROBE_KNOWN_H
#define CANOPY_SENSOR_PROBE_KNOWN_H

#include <stddef.h>

#include "canopy/identity.h"

struct known_slot {
	struct process_key key; /* tgid 0 = free */
	bool listed;            /* has a record of its own, not only named as a parent */
};

struct known {
	struct known_slot *slots; /* owned; a power of two of them, at most three quarters in use */
	size_t size, used;
};

#define KNOWN_NULL ((struct known){NULL, 0, 0})

void known_finish(struct known *known);

/* Notes a key; a process that was listed stays so. tgid 0 is left out. Errors: -ENOMEM. */
int known_add(struct known *known, struct process_key key, bool listed);

/* NULL when nothing is known of that tgid. Valid until the next known_add. */
const struct known_slot *known_find(const struct known *known, uint32_t tgid);

#endif
