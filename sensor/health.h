/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor itself costs its host. */
#ifndef CANOPY_SENSOR_HEALTH_H
#define CANOPY_SENSOR_HEALTH_H

#include <stdint.h>

uint64_t health_cpu_ns(void);    /* user and system time of this process so far */
uint64_t health_rss_bytes(void); /* resident now; 0 = unknown */

#endif
