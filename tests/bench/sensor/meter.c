/* SPDX-License-Identifier: Apache-2.0 */
/* What some processes together have cost so far: CPU time in nanoseconds by their own clocks (threads that have ended
 * are in it, unlike in /proc/PID/task), resident memory now and at its peak, and context switches of the threads
 * that live. A figure of a process that has gone is 0.
 *
 *   meter PID… */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct cost {
	unsigned long long cpu_ns, rss_kib, peak_kib, switches;
};

static unsigned long long cpu_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t) < 0)
		return 0;
	return (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

/* Adds the numbers of a status file; memory is told once a process, switches once a thread. */
static void add_status(const char *path, struct cost *cost, int is_thread)
{
	FILE *file = fopen(path, "re");
	unsigned long long n;
	char line[256];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %llu", &n) == 1)
			cost->rss_kib += is_thread ? 0 : n;
		else if (sscanf(line, "VmHWM: %llu", &n) == 1)
			cost->peak_kib += is_thread ? 0 : n;
		else if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
			 sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
			cost->switches += is_thread ? n : 0;
	}
	(void)fclose(file);
}

static void add_threads(const char *pid, struct cost *cost)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/task/%s/status", pid, entry->d_name);
		add_status(path, cost, 1);
	}
	if (dir)
		(void)closedir(dir);
}

int main(int argc, char **argv)
{
	struct cost cost = {0};

	if (argc < 2) {
		fputs("usage: meter PID…\n", stderr);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		char path[64];

		cost.cpu_ns += cpu_of((pid_t)strtol(argv[i], NULL, 10));
		(void)snprintf(path, sizeof(path), "/proc/%.20s/status", argv[i]);
		add_status(path, &cost, 0);
		add_threads(argv[i], &cost);
	}
	printf("cpu_ns=%llu rss_kib=%llu peak_kib=%llu switches=%llu\n", cost.cpu_ns, cost.rss_kib, cost.peak_kib,
	       cost.switches);
	return 0;
}
