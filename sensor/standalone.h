/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor without a collector: facts as lines on stdout (--print). */
#ifndef CANOPY_SENSOR_STANDALONE_H
#define CANOPY_SENSOR_STANDALONE_H

#include "sensor/options.h"

/* Prints until SIGTERM, SIGINT or until stdout is closed (a reader such as head that went away is a clean end). Logs what went wrong.
 * Returns 0 or -errno. */
int standalone_run(const struct sensor_options *options);

#endif
