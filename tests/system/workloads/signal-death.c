// SPDX-License-Identifier: Apache-2.0
/* Children that end by SIGKILL, by SIGSEGV (with a core where the limits allow one), and by _exit(0x1ff). */
#include <signal.h>
#include <sys/resource.h>

#include "workload.h"

static pid_t child_of(int signal)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid != 0)
		return pid;
	if (signal == 0)
		_exit(0x1ff);
	(void)kill(getpid(), signal);
	_exit(WORKLOAD_FAILED);
}

int main(void)
{
	struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};
	pid_t pid;
	int status;

	(void)setrlimit(RLIMIT_CORE, &core); /* without the right to raise it there is no core, as the status says */
	say("process", getpid());
	pid = child_of(SIGKILL);
	say("killed", pid);
	(void)wait_for(pid);
	pid = child_of(SIGSEGV);
	say("crashed", pid);
	status = wait_for(pid);
	say("core", WCOREDUMP(status) != 0);
	pid = child_of(0);
	say("wide", pid);
	(void)wait_for(pid);
	return 0;
}
