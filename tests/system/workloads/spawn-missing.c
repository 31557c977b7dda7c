// SPDX-License-Identifier: Apache-2.0
/* posix_spawn of a missing file: the C library forks, the child's exec fails and it ends with 127, which nobody is told. */
#include <spawn.h>

#include "workload.h"

int main(void)
{
	char *argv[] = {"missing", NULL}, *envp[] = {NULL};
	pid_t pid;
	int r;

	say("process", getpid());
	r = posix_spawn(&pid, "/nonexistent/missing", NULL, NULL, argv, envp);
	return r == ENOENT ? 0 : WORKLOAD_FAILED;
}
