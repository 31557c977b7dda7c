// SPDX-License-Identifier: Apache-2.0
/* Forks a child that execs this program, which ends with 6. Each of the three reads the clock right before it asks the kernel and right after the kernel has
 * answered, in nanoseconds since boot; the answer to an end is the parent's. usage: clocks */
#include "workload.h"

static long now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_BOOTTIME, &time) < 0)
		fail("clock_gettime");
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static _Noreturn void child_execs(char *program)
{
	char *args[] = {program, "executed", NULL};
	long before = now();

	say("exec_before", before);
	(void)execv(program, args);
	fail("execv");
}

static _Noreturn void executed(long after)
{
	say("exec_after", after);
	say("exit_before", now());
	_exit(6);
}

int main(int argc, char **argv)
{
	long before = now(), after;
	pid_t pid;

	if (argc > 1)
		executed(before);
	say("process", getpid());
	before = now();
	pid = fork();
	if (pid == 0)
		child_execs(argv[0]);
	after = now();
	if (pid < 0 || WEXITSTATUS(wait_for(pid)) != 6)
		fail("child");
	say("exit_after", now());
	say("fork_before", before);
	say("fork_after", after);
	say("child", pid);
	return 0;
}
