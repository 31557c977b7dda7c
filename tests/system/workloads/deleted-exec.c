// SPDX-License-Identifier: Apache-2.0
/* Copies /bin/true to FILE, opens it, unlinks it and execs the descriptor. usage: deleted-exec FILE */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "workload.h"

int main(int argc, char **argv)
{
	char *args[] = {"unlinked", NULL}, *envp[] = {NULL};
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), to, run;
	struct stat file;

	if (argc != 2)
		return WORKLOAD_FAILED;
	say("process", getpid());
	to = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (from < 0 || to < 0 || fstat(from, &file) < 0)
		fail("open");
	for (off_t left = file.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);

		if (n <= 0)
			fail("sendfile");
		left -= n;
	}
	run = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (run < 0 || close(to) < 0 || unlink(argv[1]) < 0)
		fail(argv[1]);
	(void)syscall(SYS_execveat, run, "", args, envp, AT_EMPTY_PATH);
	fail("execveat");
}
