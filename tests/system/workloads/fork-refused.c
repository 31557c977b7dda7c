// SPDX-License-Identifier: Apache-2.0
/* A user without a right to any process tries to fork COUNT times, and is refused COUNT times; then root forks once. Needs root to
 * become that user. usage: fork-refused COUNT */
#include <sys/resource.h>

#include "workload.h"

#define NOBODY_ELSE 61234 /* a uid that nothing else here runs as */

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100, refused = 0;
	struct rlimit none = {0, 0};

	say("process", getpid());
	if (setresuid(NOBODY_ELSE, NOBODY_ELSE, NOBODY_ELSE) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
		fail("setrlimit");
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid > 0)
			(void)wait_for(pid);
		else
			refused += errno == EAGAIN;
	}
	say("refused", refused);
	return refused == count ? 0 : WORKLOAD_FAILED;
}
