// SPDX-License-Identifier: Apache-2.0
/* vfork + _exit(2), then vfork + exec of /bin/true. */
#include "workload.h"

int main(void)
{
	static char *argv[] = {"true", NULL};
	pid_t ends, execs;

	say("process", getpid());
	ends = vfork();
	if (ends < 0)
		fail("vfork");
	if (ends == 0)
		_exit(2);
	execs = vfork();
	if (execs < 0)
		fail("vfork");
	if (execs == 0) {
		(void)execv("/bin/true", argv);
		_exit(WORKLOAD_FAILED);
	}
	say("ends", ends);
	say("execs", execs);
	return WEXITSTATUS(wait_for(ends)) == 2 && wait_for(execs) == 0 ? 0 : WORKLOAD_FAILED;
}
