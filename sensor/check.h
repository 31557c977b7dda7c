/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers to the sensor, and what is degraded (--check). */
#ifndef CANOPY_SENSOR_CHECK_H
#define CANOPY_SENSOR_CHECK_H

#include "sensor/options.h"

/* Loads and attaches as a running sensor would, writes one line a feature to stdout and detaches. Returns 0 when the sensor can run here, -errno when
 * it cannot; the reason then stands on stdout as well. */
int check_run(const struct sensor_options *options);

#endif
