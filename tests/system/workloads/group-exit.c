// SPDX-License-Identifier: Apache-2.0
/* A worker ends the whole process by exit_group(5) while the leader and another worker wait. */
#include <pthread.h>

#include "workload.h"

static void *waiter(void *unused)
{
	while (pause() < 0)
		;
	return NULL;
}

static void *ender(void *unused)
{
	_exit(5);
}

int main(void)
{
	pthread_t threads[2];

	say("process", getpid());
	if (pthread_create(&threads[0], NULL, waiter, NULL) != 0 || pthread_create(&threads[1], NULL, ender, NULL) != 0)
		fail("pthread_create");
	for (;;)
		(void)pause();
}
