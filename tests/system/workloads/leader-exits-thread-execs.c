// SPDX-License-Identifier: Apache-2.0
/* The leader ends by exit(4); when it is gone the worker execs /bin/true. */
#include <pthread.h>

#include "workload.h"

/* The leader is a zombie of its thread group from its exit on. */
static int leader_is_gone(void)
{
	char text[512] = "", path[64];
	FILE *file;
	char *close;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	file = fopen(path, "re");
	if (!file)
		return 1;
	(void)fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	close = strrchr(text, ')');
	return close && close[1] == ' ' && (close[2] == 'Z' || close[2] == 'X');
}

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
