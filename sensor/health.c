/* SPDX-License-Identifier: Apache-2.0 */
/* Cheap enough for each heartbeat: one system call, and one line of /proc. */
#include "sensor/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

uint64_t health_cpu_ns(void)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0)
		return 0;
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

uint64_t health_rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*s %" SCNu64, &pages) != 1)
		pages = 0;
	(void)fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
