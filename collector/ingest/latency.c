/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds from a group commit on a fast disk (half a millisecond) to a disk that makes everybody wait. */
#include "collector/ingest/latency.h"

#define BOUNDS (sizeof(fleet_latency_bounds) / sizeof(*fleet_latency_bounds))

const double fleet_latency_bounds[11] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0};

void latency_add(struct fleet_ingest_stats *stats, uint64_t ns)
{
	double seconds = (double)ns / 1e9;
	size_t bucket = 0;

	while (bucket < BOUNDS && seconds > fleet_latency_bounds[bucket])
		bucket++;
	stats->latency_counts[bucket]++;
	stats->latency_sum += seconds;
}
