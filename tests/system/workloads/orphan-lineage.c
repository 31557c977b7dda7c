// SPDX-License-Identifier: Apache-2.0
/* Three generations die from the root on: the last one of process, middle and orphan forks a child once both before it are dead, and the
 * child execs /bin/true. The child is the only one who needs an ancestor that lives. */
#include "workload.h"

static _Noreturn void orphan_life(pid_t middle)
{
	char *argv[] = {"true", "of-an-orphan", NULL};
	pid_t child;

	for (int i = 0; i < 4000 && getppid() == middle; i++)
		pause_ms(1);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		(void)execv("/bin/true", argv);
		fail("execv");
	}
	say("child", child);
	_exit(wait_for(child) == 0 ? 0 : WORKLOAD_FAILED);
}

static _Noreturn void middle_life(pid_t process)
{
	pid_t middle = getpid(), orphan;

	for (int i = 0; i < 4000 && getppid() == process; i++)
		pause_ms(1);
	orphan = fork();
	if (orphan < 0)
		fail("fork");
	if (orphan == 0)
		orphan_life(middle);
	say("orphan", orphan);
	_exit(0);
}

int main(void)
{
	pid_t process = getpid(), middle;

	say("process", process);
	middle = fork();
	if (middle < 0)
		fail("fork");
	if (middle == 0)
		middle_life(process);
	say("middle", middle);
	return 0;
}
