/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the live view from the bytes that a terminal sends. */
#ifndef CANOPY_CONSOLE_CLI_KEY_H
#define CANOPY_CONSOLE_CLI_KEY_H

#include <stddef.h>

enum key {
	KEY_OTHER, /* means nothing here */
	KEY_QUIT,
	KEY_UP,
	KEY_DOWN,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_EXITED,
	KEY_PAUSE,
	KEY_REDRAW,
};

/* The first key of data. Returns the bytes it took, or 0 when it is not complete yet. */
size_t key_parse(const char *data, size_t len, enum key *ret);

#endif
