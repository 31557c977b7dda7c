// SPDX-License-Identifier: Apache-2.0
/* ROUNDS times a process whose THREADS threads and leader all end in the same instant. Says first and last pid.
 * usage: threads-exit-at-once THREADS ROUNDS */
#include <pthread.h>
#include <stdatomic.h>

#include "workload.h"

#define SPINS_MAX 100000 /* more than another CPU needs to get here; alone on one CPU it is given up soon */

static pthread_barrier_t together;
static unsigned all;
static atomic_uint awake;

/* The barrier wakes one after the other; those whom it has woken on several CPUs go on in the same instant. */
static _Noreturn void end_together(void)
{
	(void)pthread_barrier_wait(&together);
	(void)atomic_fetch_add(&awake, 1);
	for (int i = 0; i < SPINS_MAX && atomic_load(&awake) < all; i++)
		;
	exit_thread(0);
}

static void *worker(void *unused)
{
	end_together();
}

static _Noreturn void round_of(unsigned threads)
{
	pthread_attr_t small;
	pthread_t thread;

	all = threads + 1;
	if (pthread_barrier_init(&together, NULL, threads + 1) != 0 || pthread_attr_init(&small) != 0 ||
	    pthread_attr_setstacksize(&small, 64 * 1024) != 0)
		fail("pthread");
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&thread, &small, worker, NULL) != 0)
			fail("pthread_create");
	end_together();
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
