// SPDX-License-Identifier: Apache-2.0
/* A worker thread forks and ends; the child, whose parent must be the process, ends with 6 once the worker is gone. */
#include <pthread.h>

#include "workload.h"

static int gone[2]; /* closed by the process after it has joined the worker */

static void *worker(void *ret_pid)
{
	pid_t pid = fork();
	char byte;

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		(void)close(gone[1]);
		(void)read(gone[0], &byte, 1);
		_exit(6);
	}
	*(pid_t *)ret_pid = pid;
	say("worker", syscall(SYS_gettid));
	return NULL;
}

int main(void)
{
	pthread_t thread;
	pid_t pid;

	say("process", getpid());
	if (pipe(gone) < 0 || pthread_create(&thread, NULL, worker, &pid) != 0 || pthread_join(thread, NULL) != 0)
		fail("thread");
	say("child", pid);
	(void)close(gone[1]);
	return WEXITSTATUS(wait_for(pid)) == 6 ? 0 : WORKLOAD_FAILED;
}
