/* SPDX-License-Identifier: Apache-2.0 */
/* Long output into a pager, as git does it. */
#ifndef CANOPY_CONSOLE_CLI_PAGER_H
#define CANOPY_CONSOLE_CLI_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

struct pager {
	pid_t pid;         /* 0 = none runs */
	bool took_errors;  /* stderr goes there too */
};

/* Puts CANOPY_PAGER, PAGER or less behind stdout; does nothing when none is wanted ('cat' or empty) or found. Call only
 * when stdout is a terminal. */
void pager_start(struct pager *ret);

/* Ends stdout and waits until the reader has left. */
void pager_finish(struct pager *pager);

#endif
