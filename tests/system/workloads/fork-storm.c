// SPDX-License-Identifier: Apache-2.0
/* COUNT children in turn, each ending at once with its number modulo 256; says how many. usage: fork-storm COUNT */
#include "workload.h"

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

	say("process", getpid());
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			_exit((int)(i & 0xff));
		if (WEXITSTATUS(wait_for(pid)) != (int)(i & 0xff))
			return WORKLOAD_FAILED;
	}
	say("forks", count);
	return 0;
}
