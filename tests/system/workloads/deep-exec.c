// SPDX-License-Identifier: Apache-2.0
/* Makes DEPTH nested folders below BASE, copies FILE, or else /bin/true, into the last one, goes there and execs it by its relative name. Folders are
 * named dNNN. usage: deep-exec BASE DEPTH [FILE] */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "workload.h"

static void copy(const char *file_name)
{
	int from = open(file_name, O_RDONLY | O_CLOEXEC), to = open("prog", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat file;

	if (from < 0 || to < 0 || fstat(from, &file) < 0)
		fail("open");
	for (off_t left = file.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);

		if (n <= 0)
			fail("sendfile");
		left -= n;
	}
	if (close(to) < 0)
		fail("close");
}

int main(int argc, char **argv)
{
	char *args[] = {"prog", NULL};
	unsigned depth;

	if (argc < 3 || chdir(argv[1]) < 0)
		fail("usage: deep-exec BASE DEPTH [FILE]");
	depth = (unsigned)strtoul(argv[2], NULL, 10);
	say("process", getpid());
	for (unsigned i = 0; i < depth; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "d%03u", i);
		if (mkdir(name, 0700) < 0 || chdir(name) < 0)
			fail(name);
	}
	copy(argc > 3 ? argv[3] : "/bin/true");
	(void)execv("./prog", args);
	fail("execv");
}
