// SPDX-License-Identifier: Apache-2.0
/* Gives itself eight ids that are all different, without an exec (which would make the file system ids and the saved ones equal to the
 * effective ones), and lives until its standard input ends. */
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <linux/securebits.h>

#include "workload.h"

int main(void)
{
	char byte;

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0) /* or the first change would take the right to the next */
		fail("prctl");
	if (setresgid(1011, 1012, 1013) < 0 || setresuid(1001, 1002, 1003) < 0)
		fail("setresuid");
	(void)setfsgid(1014);
	(void)setfsuid(1004);
	if (setfsuid((uid_t)-1) != 1004 || setfsgid((gid_t)-1) != 1014)
		fail("setfsuid");
	say("process", getpid());
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 42;
}
