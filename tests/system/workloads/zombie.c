// SPDX-License-Identifier: Apache-2.0
/* A child ends with 5 and stays unreaped until stdin ends. */
#include "workload.h"

int main(void)
{
	siginfo_t info;
	char byte;
	pid_t pid;

	say("process", getpid());
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		_exit(5);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		fail("waitid");
	say("zombie", pid);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return WEXITSTATUS(wait_for(pid)) == 5 ? 0 : WORKLOAD_FAILED;
}
