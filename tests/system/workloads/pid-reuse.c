// SPDX-License-Identifier: Apache-2.0
/* A child ends with 21 and is reaped; the next one asks for the same number at once (clone3 set_tid) and ends with 22. Needs
 * CAP_CHECKPOINT_RESTORE or root. */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>

#include "workload.h"

static pid_t child_of(pid_t wanted, int code)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t set[1] = {wanted}, pid;

	if (wanted) {
		args.set_tid = (uint64_t)(uintptr_t)set;
		args.set_tid_size = 1;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		fail("clone3");
	if (pid == 0)
		_exit(code);
	return pid;
}

int main(void)
{
	pid_t pid = child_of(0, 21);

	say("process", getpid());
	if (WEXITSTATUS(wait_for(pid)) != 21 || child_of(pid, 22) != pid || WEXITSTATUS(wait_for(pid)) != 22)
		return WORKLOAD_FAILED;
	say("reused", pid);
	return 0;
}
