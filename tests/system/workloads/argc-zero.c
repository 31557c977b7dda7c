// SPDX-License-Identifier: Apache-2.0
/* execve with no argument at all. usage: argc-zero [PROGRAM] */
#include "workload.h"

int main(int argc, char **argv)
{
	char *none[] = {NULL};

	say("process", getpid());
	(void)execve(argc > 1 ? argv[1] : "/bin/true", none, none);
	fail("execve");
}
