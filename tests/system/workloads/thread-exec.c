// SPDX-License-Identifier: Apache-2.0
/* A thread that is not the leader execs /bin/true, while leader and another worker wait. */
#include <pthread.h>

#include "workload.h"

static void *waiter(void *unused)
{
	while (pause() < 0)
		;
	return NULL;
}

static void *worker(void *unused)
{
	char *argv[] = {"true", "by-a-thread", NULL};

	say("worker", (pid_t)syscall(SYS_gettid));
	(void)execv("/bin/true", argv);
	fail("execv");
}

int main(void)
{
	pthread_t threads[2];

	say("process", getpid());
	if (pthread_create(&threads[0], NULL, waiter, NULL) != 0 || pthread_create(&threads[1], NULL, worker, NULL) != 0)
		fail("pthread_create");
	for (;;)
		(void)pause();
}
