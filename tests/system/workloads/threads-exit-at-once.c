// SPDX-License-Identifier: Apache-2.0
/* ROUNDS times a process whose THREADS threads and leader all end in the same instant. Says first and last pid.
 * usage: threads-exit-at-once THREADS ROUNDS */
#include <pthread.h>

#include "workload.h"

static pthread_barrier_t together;

static void *worker(void *unused)
{
	(void)pthread_barrier_wait(&together);
	exit_thread(0);
}

static _Noreturn void round_of(unsigned threads)
{
	pthread_attr_t small;
	pthread_t thread;

	if (pthread_barrier_init(&together, NULL, threads + 1) != 0 || pthread_attr_init(&small) != 0 ||
	    pthread_attr_setstacksize(&small, 64 * 1024) != 0)
		fail("pthread");
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&thread, &small, worker, NULL) != 0)
			fail("pthread_create");
	(void)pthread_barrier_wait(&together);
	exit_thread(0);
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 8;
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100;

	say("process", getpid());
	for (unsigned i = 0; i < rounds; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			round_of(threads);
		if (wait_for(pid) != 0)
			fail("a round");
	}
	return 0;
}
