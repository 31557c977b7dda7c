// SPDX-License-Identifier: Apache-2.0
/* One child by clone3: in a new pid namespace with the argument 'pid', or in the cgroup whose folder is the argument (CLONE_INTO_CGROUP, Linux
 * 5.7). The child ends with 5. Needs root. usage: clone-into pid|FOLDER */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>

#include "workload.h"

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "pid";
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid;

	say("process", getpid());
	if (strcmp(where, "pid") == 0) {
		args.flags = CLONE_NEWPID;
	} else {
		int folder = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (folder < 0)
			fail("open");
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)folder;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		fail("clone3");
	if (pid == 0)
		_exit(5);
	say("child", pid);
	return WEXITSTATUS(wait_for(pid)) == 5 ? 0 : WORKLOAD_FAILED;
}
