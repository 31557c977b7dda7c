/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of a host. Facts carry boottime (CLOCK_BOOTTIME, never set back); people read wall clock. */
#ifndef CANOPY_SENSOR_BATCH_CLOCK_H
#define CANOPY_SENSOR_BATCH_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t namespace_offset_ns; /* what the time namespace that this process is in adds to CLOCK_BOOTTIME */
};

/* Reads the offset, which is constant for the life of a process. */
void clock_init(struct clock *clock);

/* Nanoseconds of CLOCK_BOOTTIME as the kernel stamps facts: in the initial time namespace, also for a sensor inside of
 * another one. */
uint64_t clock_boottime(const struct clock *clock);

/* Wall clock minus boottime, in ns: added to a fact's time it gives nanoseconds since 1970. */
int64_t clock_boottime_to_wall(const struct clock *clock);

#endif
