// SPDX-License-Identifier: Apache-2.0
/* A thread that is not the leader forks, waits for the child's end (code 8) and for the leader's, and is the last one to end. */
#include <pthread.h>

#include "workload.h"

static void *worker(void *unused)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		_exit(8);
	say("worker", syscall(SYS_gettid));
	say("child", pid);
	if (WEXITSTATUS(wait_for(pid)) != 8)
		fail("child");
	while (!leader_is_gone())
		pause_ms(5);
	exit_thread(0);
}

int main(void)
{
	pthread_t thread;

	say("process", getpid());
	if (pthread_create(&thread, NULL, worker, NULL) != 0)
		fail("pthread_create");
	exit_thread(0);
}
