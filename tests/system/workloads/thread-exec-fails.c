// SPDX-License-Identifier: Apache-2.0
/* A worker's exec of a missing file fails, then it ends the process with 9. */
#include <pthread.h>

#include "workload.h"

static void *worker(void *unused)
{
	char *argv[] = {"missing", NULL};

	(void)execv("/nonexistent/missing", argv);
	_exit(errno == ENOENT ? 9 : WORKLOAD_FAILED);
}

int main(void)
{
	pthread_t thread;

	say("process", getpid());
	if (pthread_create(&thread, NULL, worker, NULL) != 0)
		fail("pthread_create");
	for (;;)
		(void)pause();
}
