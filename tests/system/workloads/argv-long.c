// SPDX-License-Identifier: Apache-2.0
/* Execs /bin/true with so many arguments of 99 bytes and a NUL that they take BYTES in all, rounded down to hundreds; argument i
 * is its number, then dots. With LENGTH a single argument of that length instead (beyond 128 KiB: E2BIG, then exit 7).
 * usage: argv-long BYTES | argv-long one LENGTH */
#include "workload.h"

#define ARGUMENT_BYTES 100

static int one(size_t length)
{
	char *argument = malloc(length + 1);
	char *argv[] = {"true", argument, NULL};

	if (!argument)
		fail("malloc");
	memset(argument, 'x', length);
	argument[length] = '\0';
	(void)execv("/bin/true", argv);
	return errno == E2BIG ? 7 : WORKLOAD_FAILED;
}

static int many(size_t count)
{
	char **argv = calloc(count + 1, sizeof(*argv)), *text = malloc(count * ARGUMENT_BYTES);

	if (!argv || !text)
		fail("malloc");
	for (size_t i = 0; i < count; i++) {
		argv[i] = text + i * ARGUMENT_BYTES;
		memset(argv[i], '.', ARGUMENT_BYTES);
		argv[i][snprintf(argv[i], ARGUMENT_BYTES, "%zu", i)] = '.';
		argv[i][ARGUMENT_BYTES - 1] = '\0';
	}
	(void)execv("/bin/true", argv);
	fail("execv");
}

int main(int argc, char **argv)
{
	say("process", getpid());
	if (argc == 3 && strcmp(argv[1], "one") == 0)
		return one(strtoul(argv[2], NULL, 10));
	return argc == 2 ? many(strtoul(argv[1], NULL, 10) / ARGUMENT_BYTES) : WORKLOAD_FAILED;
}
