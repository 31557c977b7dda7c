/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/console/api/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void read_memory(struct usage *usage)
{
	unsigned long long total = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return;
	if (fscanf(file, "%llu %llu", &total, &resident) == 2) {
		usage->virtual_bytes = total * (uint64_t)sysconf(_SC_PAGESIZE);
		usage->resident_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	(void)fclose(file);
}

static void count_fds(struct usage *usage)
{
	DIR *dir = opendir("/proc/self/fd");
	struct rlimit limit;

	if (dir) {
		while (readdir(dir))
			usage->open_fds++;
		usage->open_fds -= usage->open_fds > 3 ? 3 : usage->open_fds; /* '.', '..' and this folder */
		(void)closedir(dir);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		usage->max_fds = limit.rlim_cur;
}

void usage_read(struct usage *ret)
{
	struct usage usage = {.cpu_seconds = 0};
	struct rusage self;

	if (getrusage(RUSAGE_SELF, &self) == 0)
		usage.cpu_seconds = (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec) +
				    (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec) / 1e6;
	read_memory(&usage);
	count_fds(&usage);
	*ret = usage;
}
