// SPDX-License-Identifier: Apache-2.0
/* Forks twice, the middle process ends, the daemon is a session leader and ends with 3 once it has a new parent. With the argument
 * subreaper the first process adopts it, else whoever reaps orphans does; with stay the daemon lives until stdin ends.
 * usage: double-fork [subreaper] [stay] */
#include <sys/prctl.h>

#include "workload.h"

static _Noreturn void daemon_life(pid_t middle, int stay)
{
	char byte;

	if (setsid() < 0)
		fail("setsid");
	say("daemon", getpid());
	for (int i = 0; i < 2000 && getppid() == middle; i++)
		pause_ms(1);
	say("adopted_by", getppid());
	while (stay && read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(3);
}

static int has(char **argv, const char *word)
{
	for (; *argv; argv++)
		if (strcmp(*argv, word) == 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	int subreaper = has(argv, "subreaper");
	pid_t middle;

	if (subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		fail("prctl");
	say("process", getpid());
	middle = fork();
	if (middle < 0)
		fail("fork");
	if (middle == 0) {
		pid_t daemon = fork();

		if (daemon < 0)
			fail("fork");
		if (daemon == 0)
			daemon_life(getppid(), has(argv, "stay"));
		_exit(0);
	}
	say("middle", middle);
	if (wait_for(middle) != 0)
		return WORKLOAD_FAILED;
	return !subreaper || WEXITSTATUS(wait_for(-1)) == 3 ? 0 : WORKLOAD_FAILED;
}
