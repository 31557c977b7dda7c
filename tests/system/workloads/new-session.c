// SPDX-License-Identifier: Apache-2.0
/* Children that change what they belong to before anything else: one begins a session of its own and ends, one enters a process group of
 * its own and execs /bin/true. Their next fact must carry the new numbers. */
#include "workload.h"

int main(void)
{
	char *argv[] = {"true", "in-a-group", NULL};
	pid_t ends, execs;

	say("process", getpid());
	(void)setsid(); /* where nobody has begun a session yet, its number would be 0: not known */
	ends = fork();
	if (ends < 0)
		fail("fork");
	if (ends == 0)
		_exit(setsid() == getpid() ? 0 : WORKLOAD_FAILED);
	say("child", ends);
	execs = fork();
	if (execs < 0)
		fail("fork");
	if (execs == 0) {
		if (setpgid(0, 0) == 0)
			(void)execv("/bin/true", argv);
		_exit(WORKLOAD_FAILED);
	}
	say("execs", execs);
	say("group", getpgrp());
	say("session", getsid(0));
	return wait_for(ends) == 0 && wait_for(execs) == 0 ? 0 : WORKLOAD_FAILED;
}
