/* SPDX-License-Identifier: Apache-2.0 */
/* Escape sequences as xterm and everything after it send them, in cursor and in application mode; unknown ones are
 * passed over whole, so that their letters are not taken for keys. */
#include <stdbool.h>

#include "collector/console/cli/key.h"

/* A sequence that has not ended by then is rubbish. */
#define SEQUENCE_MAX 16

static enum key of_letter(char c)
{
	switch (c) {
	case 'q': case 'Q': case 3: return KEY_QUIT;
	case 'k': return KEY_UP;
	case 'j': case '\r': case '\n': return KEY_DOWN;
	case 'b': case 2: case 21: return KEY_PAGE_UP;
	case 'f': case 6: case 4: return KEY_PAGE_DOWN;
	case 'g': return KEY_HOME;
	case 'G': return KEY_END;
	case 'x': return KEY_EXITED;
	case ' ': return KEY_PAUSE;
	case 12: return KEY_REDRAW;
	default: return KEY_OTHER;
	}
}

/* ESC [ parameters final, or ESC O final. */
static enum key of_sequence(char final, int parameter)
{
	switch (final) {
	case 'A': return KEY_UP;
	case 'B': return KEY_DOWN;
	case 'H': return KEY_HOME;
	case 'F': return KEY_END;
	case '~': break;
	default: return KEY_OTHER;
	}
	switch (parameter) {
	case 1: case 7: return KEY_HOME;
	case 4: case 8: return KEY_END;
	case 5: return KEY_PAGE_UP;
	case 6: return KEY_PAGE_DOWN;
	default: return KEY_OTHER;
	}
}

size_t key_parse(const char *data, size_t len, enum key *ret)
{
	int parameter = 0;
	bool first = true;

	*ret = KEY_OTHER;
	if (len == 0)
		return 0;
	if (data[0] != 27) {
		*ret = of_letter(data[0]);
		return 1;
	}
	if (len == 1)
		return 0;
	if (data[1] != '[' && data[1] != 'O')
		return 1; /* the escape key, and then something of its own */
	for (size_t i = 2; i < len && i < SEQUENCE_MAX; i++) {
		if (data[i] >= '@' && data[i] <= '~') {
			*ret = of_sequence(data[i], parameter);
			return i + 1;
		}
		/* of several parameters the first one names the key, the others say which modifiers were held */
		if (data[i] < '0' || data[i] > '9')
			first = false;
		else if (first && parameter < 100)
			parameter = parameter * 10 + (data[i] - '0');
	}
	return len < SEQUENCE_MAX ? 0 : SEQUENCE_MAX;
}
