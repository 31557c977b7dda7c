/* SPDX-License-Identifier: Apache-2.0 */
/* Times in ns, and what so many of them are below of. */
#ifndef CANOPY_TESTS_BENCH_FLEET_SORTED_H
#define CANOPY_TESTS_BENCH_FLEET_SORTED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline int sorted_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static inline void sort_times(uint64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), sorted_compare);
}

/* In ms; p: 0.5 is the median, 1 the longest. No times: 0. */
static inline double percentile(const uint64_t *sorted, size_t count, double p)
{
	return count ? (double)sorted[(size_t)((double)(count - 1) * p)] / 1e6 : 0;
}

#endif
