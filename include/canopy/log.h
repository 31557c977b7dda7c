/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics on stderr: one line of key=value pairs each, beginning with the level as journald takes it (<3> error … <7> debug) when
 * stderr is the journal, with the level's word otherwise. Rooms return errors, composition roots log; state machines log their
 * transitions at debug. */
#ifndef CANOPY_LOG_H
#define CANOPY_LOG_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Defined once by each program's main file; lines above the level are not written. */
extern enum log_level log_level;

__attribute__((format(printf, 2, 3)))
static inline void log_write(enum log_level level, const char *format, ...)
{
	static const char *const words[] = {"", "", "", "error", "warning", "", "info", "debug"};
	char line[1024]; /* a longer line is cut: diagnostics must not allocate */
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (char *at = line; *at; at++) { /* values may be a peer's: a line stays one line and steers no terminal */
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	}
	if (getenv("JOURNAL_STREAM"))
		(void)fprintf(stderr, "<%d>%s\n", level, line);
	else
		(void)fprintf(stderr, "%s: %s\n", words[level], line);
}

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
