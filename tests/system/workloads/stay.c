// SPDX-License-Identifier: Apache-2.0
/* Lives until its standard input ends and ends with 42. Tells of itself what only it can see: path and working folder below its own root,
 * its number in its own pid namespace, how many arguments it was given. */
#include <limits.h>

#include "workload.h"

static void tell(const char *name, const char *value)
{
	char line[PATH_MAX + 32];
	int len = snprintf(line, sizeof(line), "%s=%s\n", name, value);

	if (len < 0 || (size_t)len >= sizeof(line) || write(STDOUT_FILENO, line, (size_t)len) != len)
		fail("write");
}

int main(int argc, char **argv)
{
	char path[PATH_MAX], byte;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[len > 0 ? len : 0] = '\0';
	tell("exe", path);
	tell("cwd", getcwd(path, sizeof(path)) ? path : "");
	say("argc", argc);
	say("process", getpid());
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 42;
}
