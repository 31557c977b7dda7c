/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel side lost since the last look, as gaps. */
#ifndef CANOPY_SENSOR_PROBE_LOSSES_H
#define CANOPY_SENSOR_PROBE_LOSSES_H

#include "sensor/probe/program.h"

struct losses {
	uint64_t lost[EVENT_TYPES];   /* told as gaps so far */
	uint64_t failed[EVENT_TYPES]; /* likewise, where a map gave no memory */
	uint64_t missed[EVENT_TYPES]; /* likewise, skipped and not rescued */
	int64_t net[EVENT_TYPES];     /* skipped less rescued, as far as it is told or forgotten */
	int64_t drift[EVENT_TYPES];   /* what the last look found beyond net, and the next one must find again */
	uint64_t looked_ns;           /* boottime of the last look */
	uint64_t before_ns;           /* of the one before */
};

/* Runs of a hook that were skipped and not rescued until now, those that no gap has told yet among them. */
uint64_t losses_missed(const struct losses *losses, const struct program *program, enum event_type type);

/* Tells the sink each new loss; now_ns is the boottime of this look. What was skipped is told once the next look, too, finds it not rescued, dated with
 * the look that found it; at once when this is the last look. Returns how many gaps were told, or a negative errno. */
int losses_collect(struct losses *losses, struct program *program, uint64_t now_ns, bool last, const struct probe_sink *sink);

/* Whether the last look found something that it takes another one to believe. */
bool losses_suspected(const struct losses *losses);

#endif
