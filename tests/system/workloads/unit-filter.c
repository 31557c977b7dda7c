/* SPDX-License-Identifier: Apache-2.0 */
/* unit-filter FILE PROGRAM ARGUMENT…: runs a program under the filter of system calls that systemd makes of SystemCallFilter= with
 * SystemCallErrorNumber=EPERM: the calls whose names stand in FILE, one a line, and no others. Names that this architecture does not have are
 * passed over, as systemd does. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "unit-filter: %s: %s\n", what, strerror(error));
	return 1;
}

static int allow_all(scmp_filter_ctx filter, FILE *file)
{
	char name[128];
	int r = 0;

	while (r == 0 && fscanf(file, "%127s", name) == 1) {
		int call = seccomp_syscall_resolve_name(name);

		if (call != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
	}
	return r;
}

int main(int argc, char **argv)
{
	FILE *file = argc > 2 ? fopen(argv[1], "r") : NULL;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (argc < 3 || !file || !filter)
		return fail("give a file of names and a program", errno);
	r = allow_all(filter, file);
	(void)fclose(file);
	if (r == 0)
		r = seccomp_load(filter);
	if (r < 0)
		return fail("the filter", -r);
	seccomp_release(filter);
	(void)execv(argv[2], argv + 2);
	return fail(argv[2], errno);
}
