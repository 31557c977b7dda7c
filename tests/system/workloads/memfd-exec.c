// SPDX-License-Identifier: Apache-2.0
/* Copies /bin/true into an anonymous memory file named hidden and execs it by descriptor under the name of a kernel thread. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "workload.h"

int main(void)
{
	char *argv[] = {"kworker", NULL}, *envp[] = {NULL};
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), to = memfd_create("hidden", MFD_CLOEXEC);
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
	(void)syscall(SYS_execveat, to, "", argv, envp, AT_EMPTY_PATH);
	fail("execveat");
}
