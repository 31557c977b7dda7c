/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal as a canvas: alternate screen, no echo, and frames of which only the changed lines are written. */
#ifndef CANOPY_CONSOLE_CLI_SCREEN_H
#define CANOPY_CONSOLE_CLI_SCREEN_H

#include <stdbool.h>
#include <termios.h>

#include "collector/console/cli/text.h"

struct screen {
	bool open;
	struct termios before;   /* to be put back */
	struct text shown;       /* the frame that stands there; empty = unknown */
};

/* Takes stdin and stdout over. Returns 0 or negative errno. */
int screen_open(struct screen *screen);
/* Puts everything back as it was. Takes a closed one. */
void screen_close(struct screen *screen);
/* Frees its memory; closes it before. */
void screen_finish(struct screen *screen);

/* The next frame is written whole: after a change of size, or when somebody else wrote on the terminal. */
void screen_forget(struct screen *screen);

/* Shows a frame: lines ended by newlines, not wider than the terminal. Returns 0, -ENOMEM, or negative errno when the
 * terminal is gone. */
int screen_show(struct screen *screen, const struct text *frame);

#endif
