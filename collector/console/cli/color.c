/* SPDX-License-Identifier: Apache-2.0 */
/* The sixteen colours that every terminal theme adjusts to its own background; nothing finer. */
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/color.h"

bool color_wanted(enum color_mode mode, bool is_terminal)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (mode != COLOR_AUTO)
		return mode == COLOR_ALWAYS;
	if (!is_terminal || (no_color && *no_color))
		return false;
	return term && *term && strcmp(term, "dumb") != 0 && strcmp(term, "vt100") != 0;
}

const char *color_begin(enum color color, bool enabled)
{
	static const char *const sequences[] = {
		[COLOR_PLAIN] = "",          [COLOR_DIM] = "\033[2m",     [COLOR_BOLD] = "\033[1m",
		[COLOR_GOOD] = "\033[32m",   [COLOR_WARN] = "\033[33m",   [COLOR_BAD] = "\033[31m",
		[COLOR_LOUD] = "\033[1;31m", [COLOR_REVERSE] = "\033[7m",
	};

	return enabled ? sequences[color] : "";
}

const char *color_end(enum color color, bool enabled)
{
	return enabled && color != COLOR_PLAIN ? "\033[0m" : "";
}
