/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics on stderr: one line of key=value pairs each, beginning with the level as journald takes it (<3> error … <7> debug) when
 * stderr is the journal, with the level's word otherwise. Rooms return errors, composition roots log; state machines log their
 * transitions at debug.
 *
 * What a peer, a file or a user has said stands in quotes and goes through LOG_TEXT, so that it ends where it ends: it forges no
 * key=value of its own. Whatever a line is made of, it stays one line of UTF-8 and steers no terminal. */
#ifndef CANOPY_LOG_H
#define CANOPY_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_LINE_MAX 1024u /* a longer line is cut: diagnostics must not allocate */

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Defined once by each program's main file; lines above the level are not written. */
extern enum log_level log_level;

/* text between quotes: a quote and a backslash get a backslash before them. What does not fit is left out. Returns into. */
static inline const char *log_quote_(char *into, size_t size, const char *text)
{
	size_t len = 0;

	for (; *text; text++) {
		bool escaped = *text == '"' || *text == '\\';

		if (len + escaped + 2 > size)
			break;
		if (escaped)
			into[len++] = '\\';
		into[len++] = *text;
	}
	into[len] = '\0';
	return into;
}

/* For '%s' between quotes; valid until the end of the block around it. */
#define LOG_TEXT(text) log_quote_((char[LOG_LINE_MAX]){0}, LOG_LINE_MAX, (text))

/* U+200E and F, U+2028 to 202E, U+2066 to 2069: marks of direction, and ends of a line. u[1] and u[2] are continuation bytes. */
static inline bool log_turns_(const unsigned char *u)
{
	return u[0] == 0xe2 && ((u[1] == 0x80 && (u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xa8 && u[2] <= 0xae))) ||
				(u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9));
}

/* Bytes of the character at the start of the string that may be shown; 0 = it may not: a control (C0, DEL, and the C1 that some
 * terminals obey as they do ESC), what turns the line around, or no UTF-8. */
static inline size_t log_shown_(const char *at)
{
	const unsigned char *u = (const unsigned char *)at;
	size_t more = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 1 : u[0] < 0xf0 ? 2 : u[0] < 0xf5 ? 3 : 0;

	if (u[0] < 0x80)
		return u[0] >= 0x20 && u[0] != 0x7f;
	if (more == 0 || (u[0] == 0xc2 && u[1] < 0xa0))
		return 0;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90)) /* longer than need be */
		return 0;
	for (size_t i = 1; i <= more; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return log_turns_(u) ? 0 : more + 1;
}

static inline void log_clean_(char *line)
{
	while (*line) {
		size_t len = log_shown_(line);

		if (len == 0)
			*line = '?';
		line += len ? len : 1;
	}
}

__attribute__((format(printf, 2, 3)))
static inline void log_write(enum log_level level, const char *format, ...)
{
	static const char *const words[] = {"", "", "", "error", "warning", "", "info", "debug"};
	char line[LOG_LINE_MAX];
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_clean_(line);
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
