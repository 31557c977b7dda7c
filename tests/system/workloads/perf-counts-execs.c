// SPDX-License-Identifier: Apache-2.0
/* Somebody else who traces by way of perf: counts sched_process_exec on all CPUs, until its standard input ends.
 * usage: perf-counts-execs */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "workload.h"

#define CPUS_MAX 1024

static uint64_t tracepoint(void)
{
	char text[32] = {0};
	int fd = open("/sys/kernel/tracing/events/sched/sched_process_exec/id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		fail("tracefs");
	(void)close(fd);
	return strtoull(text, NULL, 10);
}

int main(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .config = tracepoint(), .sample_period = 1};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t sum = 0, count;
	int fds[CPUS_MAX];
	char line;

	for (long i = 0; i < cpus && i < CPUS_MAX; i++) {
		fds[i] = (int)syscall(SYS_perf_event_open, &attr, -1, i, -1, PERF_FLAG_FD_CLOEXEC);
		if (fds[i] < 0)
			fail("perf_event_open");
	}
	say("process", getpid());
	(void)read(STDIN_FILENO, &line, 1);
	for (long i = 0; i < cpus && i < CPUS_MAX; i++)
		if (read(fds[i], &count, sizeof(count)) == sizeof(count))
			sum += count;
	say("execs", (long)sum);
	return 0;
}
