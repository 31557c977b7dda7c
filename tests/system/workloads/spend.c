// SPDX-License-Identifier: Apache-2.0
/* A child spends MS milliseconds of CPU time, half of them inside the kernel, and touches MEMORY MiB; says what wait4 tells of it. With THREADS each of
 * so many threads spends MS milliseconds, and goes on until the leader ends all of them in one instant.
 * usage: spend MS MEMORY [THREADS] */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

#include "workload.h"

static unsigned long ms_of_each;
static atomic_ulong done;

static unsigned long us_of(struct timeval time)
{
	return (unsigned long)time.tv_sec * 1000000 + (unsigned long)time.tv_usec;
}

static struct rusage own_usage(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		fail("getrusage");
	return usage;
}

/* Until getrusage says that enough of each kind is spent: on a slow machine the faults of the first touch alone are half of it, all inside the kernel. */
static _Noreturn void spend(unsigned long ms, size_t bytes)
{
	unsigned long half_us = ms * 500, at = 0;
	int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *memory = malloc(bytes);

	if (!memory || zeros < 0)
		fail("malloc");
	memset(memory, 1, bytes);
	while (us_of(own_usage().ru_utime) < half_us)
		for (int i = 0; i < 100000; i++)
			((volatile char *)memory)[(at += 4099) % bytes]++;
	while (us_of(own_usage().ru_stime) < half_us)
		if (read(zeros, memory, bytes) < 0)
			fail("read");
	_exit(0);
}

static void *spend_in_thread(void *unused)
{
	struct timespec used;
	bool said = false;

	for (;;) {
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
		if (!said && (unsigned long)used.tv_sec * 1000 + (unsigned long)used.tv_nsec / 1000000 >= ms_of_each) {
			(void)atomic_fetch_add(&done, 1);
			said = true;
		}
	}
	return unused;
}

static _Noreturn void spend_in_threads(unsigned long ms, unsigned long threads)
{
	pthread_t thread;

	ms_of_each = ms;
	for (unsigned long i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, spend_in_thread, NULL) != 0)
			fail("pthread_create");
	while (atomic_load(&done) < threads)
		(void)usleep(1000);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 3)
		return WORKLOAD_FAILED;
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0 && argc > 3)
		spend_in_threads(strtoul(argv[1], NULL, 10), strtoul(argv[3], NULL, 10));
	if (pid == 0)
		spend(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10) << 20);
	if (wait4(pid, &status, 0, &usage) != pid || status != 0)
		fail("wait4");
	say("child", pid);
	say("user_us", (long)us_of(usage.ru_utime));
	say("system_us", (long)us_of(usage.ru_stime));
	say("rss_kib", usage.ru_maxrss);
	return 0;
}
