// SPDX-License-Identifier: Apache-2.0
/* A child spends MS milliseconds of CPU time, half of them inside the kernel, and touches MEMORY MiB; says what wait4 tells of it.
 * usage: spend MS MEMORY */
#include <fcntl.h>
#include <sys/resource.h>

#include "workload.h"

static _Noreturn void spend(unsigned long ms, size_t bytes)
{
	char *memory = malloc(bytes);
	clock_t half = (clock_t)(ms * (CLOCKS_PER_SEC / 1000) / 2), end = clock() + half;
	int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	unsigned long at = 0;

	if (!memory || zeros < 0)
		fail("malloc");
	memset(memory, 1, bytes);
	while (clock() < end)
		for (int i = 0; i < 1000; i++)
			((volatile char *)memory)[(at += 4099) % bytes]++;
	for (end += half; clock() < end;)
		if (read(zeros, memory, bytes) < 0)
			fail("read");
	_exit(0);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc != 3)
		return WORKLOAD_FAILED;
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		spend(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10) << 20);
	if (wait4(pid, &status, 0, &usage) != pid || status != 0)
		fail("wait4");
	say("child", pid);
	say("user_us", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec);
	say("system_us", usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec);
	say("rss_kib", usage.ru_maxrss);
	return 0;
}
