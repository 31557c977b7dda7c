/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's window size is asked; where it does not know (serial lines say 0 x 0) the classic 80 x 24 is taken. */
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collector/console/cli/terminal.h"

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT 24
/* Bounds a frame when a terminal claims absurd sizes. */
#define SIZE_MAXIMUM 4096

void terminal_measure(struct terminal *terminal)
{
	struct winsize size = {0};

	if (!terminal->is_terminal)
		return;
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	terminal->columns = size.ws_col ? size.ws_col : COLUMNS_DEFAULT;
	terminal->rows = size.ws_row ? size.ws_row : ROWS_DEFAULT;
	if (terminal->columns > SIZE_MAXIMUM)
		terminal->columns = SIZE_MAXIMUM;
	if (terminal->rows > SIZE_MAXIMUM)
		terminal->rows = SIZE_MAXIMUM;
}

void terminal_detect(struct terminal *ret, enum color_mode mode)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	*ret = (struct terminal){
		.is_terminal = is_terminal,
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.color = color_wanted(mode, is_terminal),
	};
	terminal_measure(ret);
}
