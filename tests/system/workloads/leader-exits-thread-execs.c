// SPDX-License-Identifier: Apache-2.0
/* The leader ends by exit(4); when it is gone the worker execs /bin/true. */
#include <pthread.h>

#include "workload.h"

static void *worker(void *unused)
{
	char *argv[] = {"true", "after-the-leader", NULL};

	for (int i = 0; i < 1000 && !leader_is_gone(); i++)
		pause_ms(5);
	(void)execv("/bin/true", argv);
	fail("execv");
}

int main(void)
{
	pthread_t thread;

	say("process", getpid());
	if (pthread_create(&thread, NULL, worker, NULL) != 0)
		fail("pthread_create");
	exit_thread(4);
}
