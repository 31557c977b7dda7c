/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor as a whole: builds the rooms in the order of the data's way and tears them down in reverse. */
#ifndef CANOPY_SENSOR_SENSOR_H
#define CANOPY_SENSOR_SENSOR_H

#include "sensor/options.h"

/* Runs until SIGTERM or SIGINT, or until something fails that cannot be mended here. Logs what went wrong. Returns 0 or -errno. */
int sensor_run(const struct sensor_options *options);

#endif
