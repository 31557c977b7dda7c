/* SPDX-License-Identifier: Apache-2.0 */
/* The collector as a whole: builds the rooms in the order of the data's way and tears them down in reverse. */
#ifndef CANOPY_COLLECTOR_COLLECTOR_H
#define CANOPY_COLLECTOR_COLLECTOR_H

#include "collector/options.h"

/* Runs until SIGTERM or SIGINT. Logs what went wrong. Returns 0 or -errno (it could not start, or the journal failed at
 * the end). */
int collector_run(const struct collector_options *options);

#endif
