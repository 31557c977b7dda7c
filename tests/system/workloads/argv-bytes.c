// SPDX-License-Identifier: Apache-2.0
/* Arguments that are no text: an empty string, the byte 0xff, a newline, blanks. */
#include "workload.h"

int main(void)
{
	char *argv[] = {"true", "", "\xff", "a\nb", " two  blanks ", NULL};

	say("process", getpid());
	(void)execv("/bin/true", argv);
	fail("execv");
}
