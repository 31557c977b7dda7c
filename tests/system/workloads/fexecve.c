// SPDX-License-Identifier: Apache-2.0
/* Opens FILE and execs the descriptor, which stays open, with one argument. usage: fexecve FILE */
#include <fcntl.h>

#include "workload.h"

int main(int argc, char **argv)
{
	char *args[] = {"replaced", "argument", NULL}, *envp[] = {NULL};
	int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (file < 0)
		fail("usage: fexecve FILE");
	say("descriptor", file);
	(void)syscall(SYS_execveat, file, "", args, envp, AT_EMPTY_PATH);
	fail("execveat");
}
