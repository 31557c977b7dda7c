// SPDX-License-Identifier: Apache-2.0
/* The leader ends by exit(3) after 50 ms, the last thread by exit(7) after 200 ms: the process lives until then. */
#include <pthread.h>

#include "workload.h"

static void *worker(void *unused)
{
	pause_ms(200);
	exit_thread(7);
}

int main(void)
{
	pthread_t thread;

	say("process", getpid());
	if (pthread_create(&thread, NULL, worker, NULL) != 0)
		fail("pthread_create");
	pause_ms(50);
	exit_thread(3);
}
