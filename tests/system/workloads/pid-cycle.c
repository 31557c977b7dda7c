// SPDX-License-Identifier: Apache-2.0
/* COUNT children in turn that share a few pids: each asks for the next number of a small set (clone3 set_tid) and ends at once with its own
 * number modulo 256. What a machine with the smallest pid_max does to everyone is done here to these alone. A number that
 * another process has taken meanwhile is left to it. The children borrow the memory of their parent, as vfork's do: copying it would take most of the time.
 * Says how many ran. Needs CAP_CHECKPOINT_RESTORE or root. usage: pid-cycle COUNT PIDS */
#include <sched.h>
#include <signal.h>
#include <stdint.h>

#include "clone-and-end.h"
#include "workload.h"

#define PIDS_MAX 256u

static pid_t child_of(pid_t wanted, unsigned number)
{
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};
	pid_t set[1] = {wanted};
	long r;

	if (wanted) {
		args.set_tid = (uint64_t)(uintptr_t)set;
		args.set_tid_size = 1;
	}
	r = clone_and_end(&args, (int)(number & 0xff));
	if (r < 0 && (r != -EEXIST || !wanted)) {
		errno = (int)-r;
		fail("clone3");
	}
	return (pid_t)r;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	unsigned size = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 64, reused = 0;
	pid_t pids[PIDS_MAX] = {0};

	if (size == 0 || size > PIDS_MAX)
		size = PIDS_MAX;
	say("process", getpid());
	for (unsigned i = 0; i < count; i++) {
		pid_t wanted = pids[i % size], pid = child_of(wanted, i);

		if (pid < 0)
			pid = child_of(0, i);
		reused += pid == wanted;
		pids[i % size] = pid;
		if (WEXITSTATUS(wait_for(pid)) != (int)(i & 0xff))
			return WORKLOAD_FAILED;
	}
	say("reused", reused);
	say("forks", count);
	return 0;
}
