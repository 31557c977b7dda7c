// SPDX-License-Identifier: Apache-2.0
/* Copies FILE, or else /bin/true, into an anonymous memory file named hidden and execs it by descriptor under the name of a kernel
 * thread. usage: memfd-exec [FILE] */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "workload.h"

int main(int argc, char **argv)
{
	char *args[] = {"kworker", NULL}, *envp[] = {NULL};
	int from = open(argc > 1 ? argv[1] : "/bin/true", O_RDONLY | O_CLOEXEC);
	int to = memfd_create("hidden", MFD_CLOEXEC);
	struct stat file;

	say("process", getpid());
	if (from < 0 || to < 0 || fstat(from, &file) < 0)
		fail("open");
	for (off_t left = file.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);

		if (n <= 0)
			fail("sendfile");
		left -= n;
	}
	(void)syscall(SYS_execveat, to, "", args, envp, AT_EMPTY_PATH);
	fail("execveat");
}
