// SPDX-License-Identifier: Apache-2.0
/* execveat(folder, "true"): the name is relative, the executable is /usr/bin/true or /bin/true. usage: execveat-folder [FOLDER] */
#include <fcntl.h>

#include "workload.h"

int main(int argc, char **argv)
{
	char *args[] = {"true", NULL}, *envp[] = {NULL};
	int folder = open(argc > 1 ? argv[1] : "/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	say("process", getpid());
	if (folder < 0)
		fail("open");
	(void)syscall(SYS_execveat, folder, "true", args, envp, 0);
	fail("execveat");
}
