/* SPDX-License-Identifier: Apache-2.0 */
/* The character set is asked of the locale here, so that anyone may complain without a terminal at hand. */
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/escape.h"
#include "collector/console/cli/message.h"

__attribute__((format(printf, 2, 0)))
static void write_line(const char *prefix, const char *format, va_list args)
{
	struct text line = TEXT_NULL;
	char *plain = NULL;

	if (vasprintf(&plain, format, args) < 0)
		return;
	text_puts(&line, prefix);
	escape_text(&line, bytes_from_string(plain), strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
	text_putc(&line, '\n');
	(void)text_write(&line, stderr);
	text_finish(&line);
	free(plain);
}

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("canopy: ", format, args);
	va_end(args);
}

void message_more(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("  ", format, args);
	va_end(args);
}
