// SPDX-License-Identifier: Apache-2.0
/* A child begins a session of its own without an exec and ends: its exit must carry the new sid and pgid. */
#include "workload.h"

int main(void)
{
	pid_t pid;

	say("process", getpid());
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		_exit(setsid() == getpid() ? 0 : WORKLOAD_FAILED);
	say("child", pid);
	return wait_for(pid) == 0 ? 0 : WORKLOAD_FAILED;
}
