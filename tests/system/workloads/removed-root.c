// SPDX-License-Identifier: Apache-2.0
/* Makes FOLDER its root and a folder in it its working folder, removes both and lives until its standard input ends. FOLDER lies in the working folder.
 * usage: removed-root FOLDER */
#include <fcntl.h>
#include <sys/stat.h>

#include "workload.h"

int main(int argc, char **argv)
{
	int above = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char byte;

	if (argc != 2 || above < 0 || mkdir(argv[1], 0755) < 0 || chdir(argv[1]) < 0 || mkdir("inner", 0755) < 0)
		fail("mkdir");
	if (chroot(".") < 0 || chdir("inner") < 0)
		fail("chroot");
	if (rmdir("/inner") < 0 || unlinkat(above, argv[1], AT_REMOVEDIR) < 0)
		fail("rmdir");
	say("process", getpid());
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 42;
}
