/* SPDX-License-Identifier: Apache-2.0 */
/* Where the output goes and what may be written there. */
#ifndef CANOPY_CONSOLE_CLI_TERMINAL_H
#define CANOPY_CONSOLE_CLI_TERMINAL_H

#include <stdbool.h>

#include "collector/console/cli/color.h"

struct terminal {
	bool is_terminal;  /* people read it there and then, a pager included */
	bool utf8;         /* the locale's character set */
	bool color;
	unsigned columns;  /* lines are cut to it; 0 = never cut */
	unsigned rows;     /* 0 = unknown */
};

/* Looks at stdout, the locale (setlocale before) and the environment. */
void terminal_detect(struct terminal *ret, enum color_mode mode);

/* Asks for the size again, after SIGWINCH. */
void terminal_measure(struct terminal *terminal);

#endif
