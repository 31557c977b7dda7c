// SPDX-License-Identifier: Apache-2.0
/* A tracer that is no parent attaches to a child; the traced child forks, and ends with 4 while it is traced. Needs root. */
#include <sys/ptrace.h>

#include "workload.h"

static int go[2]; /* a byte from the tracer once it is attached */

static _Noreturn void traced_life(void)
{
	char byte;
	pid_t pid;

	if (read(go[0], &byte, 1) != 1)
		fail("read");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		_exit(0);
	say("grandchild", pid);
	(void)wait_for(pid);
	_exit(4);
}

/* Lets every stop of the traced one go on until it ends. */
static _Noreturn void tracer_life(pid_t traced)
{
	int status;

	if (ptrace(PTRACE_SEIZE, traced, NULL, NULL) < 0)
		fail("ptrace");
	if (write(go[1], "", 1) != 1)
		fail("write");
	for (;;) {
		status = wait_for(traced);
		if (!WIFSTOPPED(status))
			_exit(WIFEXITED(status) && WEXITSTATUS(status) == 4 ? 0 : WORKLOAD_FAILED);
		(void)ptrace(PTRACE_CONT, traced, NULL, 0);
	}
}

int main(void)
{
	pid_t traced, tracer;

	say("process", getpid());
	if (pipe(go) < 0)
		fail("pipe");
	traced = fork();
	if (traced < 0)
		fail("fork");
	if (traced == 0)
		traced_life();
	say("traced", traced);
	tracer = fork();
	if (tracer < 0)
		fail("fork");
	if (tracer == 0)
		tracer_life(traced);
	say("tracer", tracer);
	return wait_for(tracer) == 0 && WEXITSTATUS(wait_for(traced)) == 4 ? 0 : WORKLOAD_FAILED;
}
