/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side stamps with bpf_ktime_get_boot_ns, which knows no time namespaces, while clock_gettime inside one is
 * shifted (time_namespaces(7)). The shift is told by /proc/self/timens_offsets and constant for the life of a process,
 * so it is read once, by clock_init. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sensor/batch/clock.h"

#define NS_PER_S 1000000000ll
#define ATTEMPTS 5 /* the tightest pair of readings of a few leaves preemption out */

static int64_t now_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Lines of 'boottime SECONDS NANOSECONDS' and 'monotonic …'; the offset is what the namespace adds to the clock. */
static int64_t read_namespace_offset(void)
{
	FILE *file = fopen("/proc/self/timens_offsets", "re");
	int64_t seconds, nanoseconds, offset = 0;
	char word[32];

	if (!file)
		return 0; /* a kernel without time namespaces */
	while (fscanf(file, "%31s %" SCNd64 " %" SCNd64, word, &seconds, &nanoseconds) == 3) {
		if (strcmp(word, "boottime") == 0 || strcmp(word, "7") == 0)
			offset = seconds * NS_PER_S + nanoseconds;
	}
	(void)fclose(file);
	return offset;
}

void clock_init(struct clock *clock)
{
	clock->namespace_offset_ns = read_namespace_offset();
}

uint64_t clock_boottime(const struct clock *clock)
{
	return (uint64_t)(now_ns(CLOCK_BOOTTIME) - clock->namespace_offset_ns);
}

int64_t clock_boottime_to_wall(const struct clock *clock)
{
	int64_t best_width = INT64_MAX, best = 0;

	for (unsigned i = 0; i < ATTEMPTS; i++) {
		int64_t before = now_ns(CLOCK_BOOTTIME);
		int64_t wall = now_ns(CLOCK_REALTIME);
		int64_t after = now_ns(CLOCK_BOOTTIME);

		if (after - before < best_width) {
			best_width = after - before;
			best = wall - (before + (after - before) / 2);
		}
	}
	return best + clock->namespace_offset_ns;
}
