// SPDX-License-Identifier: Apache-2.0
/* COUNT children in turn, each ending at once with its number modulo 256; says how many. They borrow their parent's memory. usage: fork-storm COUNT */
#include <sched.h>
#include <signal.h>

#include "clone-and-end.h"
#include "workload.h"

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

	say("process", getpid());
	for (unsigned i = 0; i < count; i++) {
		struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};
		long pid = clone_and_end(&args, (int)(i & 0xff));

		if (pid < 0) {
			errno = (int)-pid;
			fail("clone3");
		}
		if (WEXITSTATUS(wait_for((pid_t)pid)) != (int)(i & 0xff))
			return WORKLOAD_FAILED;
	}
	say("forks", count);
	return 0;
}
