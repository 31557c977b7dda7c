// SPDX-License-Identifier: Apache-2.0
/* The caller makes a sibling of itself by CLONE_PARENT: creator is the caller, parent is the caller's parent. The sibling ends
 * with 8. */
#include <sched.h>
#include <signal.h>

#include "workload.h"

int main(void)
{
	pid_t caller, sibling;
	int status;

	say("process", getpid());
	caller = fork();
	if (caller < 0)
		fail("fork");
	if (caller == 0) {
		sibling = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
		if (sibling < 0)
			fail("clone");
		if (sibling == 0)
			_exit(8);
		say("sibling", sibling);
		_exit(0);
	}
	say("caller", caller);
	if (wait_for(caller) != 0)
		return WORKLOAD_FAILED;
	status = wait_for(-1);
	return WIFEXITED(status) && WEXITSTATUS(status) == 8 ? 0 : WORKLOAD_FAILED;
}
