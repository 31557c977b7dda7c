/* SPDX-License-Identifier: Apache-2.0 */
/* Histogram of the time from a received frame to its durability, in the buckets of fleet_latency_bounds. */
#ifndef CANOPY_COLLECTOR_INGEST_LATENCY_H
#define CANOPY_COLLECTOR_INGEST_LATENCY_H

#include <stdint.h>

#include "collector/console/fleet.h"

void latency_add(struct fleet_ingest_stats *stats, uint64_t ns);

#endif
