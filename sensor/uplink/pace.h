/* SPDX-License-Identifier: Apache-2.0 */
/* How many batches may go in a second, as the collector asked. Credit is filled up ten times a second, or once a batch
 * where fewer are allowed. */
#ifndef CANOPY_SENSOR_UPLINK_PACE_H
#define CANOPY_SENSOR_UPLINK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_FILLS 10u /* a second */

struct pace {
	uint32_t per_second; /* 0 = no limit */
	uint32_t credit;     /* batches that may go before the next fill */
};

static inline void pace_fill(struct pace *pace)
{
	pace->credit = pace->per_second >= PACE_FILLS ? pace->per_second / PACE_FILLS : 1;
}

/* Returns after how many ms credit is to be filled again and again, 0 = not at all. */
static inline uint64_t pace_set(struct pace *pace, uint32_t per_second)
{
	pace->per_second = per_second;
	pace_fill(pace);
	return per_second >= PACE_FILLS ? 1000 / PACE_FILLS : per_second ? 1000 / per_second : 0;
}

static inline bool pace_allows(const struct pace *pace)
{
	return pace->per_second == 0 || pace->credit > 0;
}

static inline void pace_spend(struct pace *pace)
{
	pace->credit -= pace->per_second > 0;
}

#endif
