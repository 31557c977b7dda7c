/* SPDX-License-Identifier: Apache-2.0 */
/* Colours of the terminal, and when to use them. Nothing is ever said by colour alone. */
#ifndef CANOPY_CONSOLE_CLI_COLOR_H
#define CANOPY_CONSOLE_CLI_COLOR_H

#include <stdbool.h>

enum color_mode {
	COLOR_AUTO, /* on a terminal that is not dumb, unless NO_COLOR is set and not empty */
	COLOR_ALWAYS,
	COLOR_NEVER,
};

enum color {
	COLOR_PLAIN,
	COLOR_DIM,
	COLOR_BOLD,
	COLOR_GOOD,
	COLOR_WARN,
	COLOR_BAD,
	COLOR_LOUD,   /* what must not be overlooked */
	COLOR_REVERSE,
};

bool color_wanted(enum color_mode mode, bool is_terminal);

/* The sequence that begins a colour and the one that ends it; empty for COLOR_PLAIN or when colours are off. */
const char *color_begin(enum color color, bool enabled);
const char *color_end(enum color color, bool enabled);

#endif
