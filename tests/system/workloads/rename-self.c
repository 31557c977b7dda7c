// SPDX-License-Identifier: Apache-2.0
/* Rewrites its own comm and arguments to look like a kernel thread, then waits for the end of stdin and ends with 0. */
#include <sys/prctl.h>

#include "workload.h"

int main(int argc, char **argv)
{
	static const char mask[] = "[kworker/0:1]";
	size_t room = strlen(argv[0]);
	char byte;

	memset(argv[0], 0, room);
	memcpy(argv[0], mask, room < sizeof(mask) ? room : sizeof(mask));
	if (prctl(PR_SET_NAME, mask) < 0)
		fail("prctl");
	say("process", getpid());
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
