/* SPDX-License-Identifier: Apache-2.0 */
/* Columns: what of a process, an event or a host can be shown, under which heading, and how it reads. */
#ifndef CANOPY_CONSOLE_CLI_COLUMN_H
#define CANOPY_CONSOLE_CLI_COLUMN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/console/cli/color.h"
#include "collector/console/cli/table.h"
#include "collector/console/cli/text.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BOOL,
	COLUMN_TIME,      /* RFC 3339 */
	COLUMN_CLOCK,     /* the same, down to milliseconds and without the date */
	COLUMN_SPAN,      /* nanoseconds */
	COLUMN_BYTES,
	COLUMN_WORDS,     /* array of strings */
	COLUMN_COMMAND,   /* argv, else comm */
	COLUMN_STATE,     /* live, exit 22, signal 9, … */
	COLUMN_EXIT,      /* the same, nothing while it is alive */
	COLUMN_USER,      /* name, else number */
	COLUMN_EVENT,     /* type of an event */
	COLUMN_HOST_STATE,
	COLUMN_SECONDS,   /* a span as a floating number of seconds */
	COLUMN_LOST,      /* sum of an object of counts */
	COLUMN_GAPS,      /* length of an array */
	COLUMN_TAGS,      /* object or array of KEY=VALUE */
};

struct column {
	const char *name;     /* for --fields */
	const char *alias;    /* the filter's name of the same thing; NULL = none */
	const char *path;     /* in the JSON object */
	const char *heading;
	enum column_kind kind;
	unsigned width;       /* at least */
	bool right, shrinks;
};

/* How values are to read. */
struct face {
	bool utf8;
	bool full;            /* times with date and milliseconds */
	bool raw;             /* for programs: times as RFC 3339, numbers without units */
	int64_t now;          /* for short times */
};

/* Tables ended by one without a name: of processes and events, and of hosts. */
const struct column *column_process_table(void);
const struct column *column_host_table(void);

#define COLUMN_SET_MAX TABLE_COLUMNS_MAX
struct column_set {
	const struct column *columns[COLUMN_SET_MAX];
	size_t count;
};

/* 'pid,user,command' to columns of the table; names and aliases are taken. Returns 0, -EINVAL with *problem, -E2BIG. */
int column_set_parse(const struct column *table, const char *names, struct column_set *ret, struct text *problem);

/* Appends the value, escaped; nothing known reads '-' (raw: nothing). Returns the colour that suits it. */
enum color column_add(const struct column *column, const json_t *object, const struct face *face, struct text *out);

/* The same for the parts that trees and details use. */
void column_add_command(const json_t *process, const struct face *face, struct text *out);
enum color column_add_state(const json_t *process, struct text *out);
void column_add_user(const json_t *process, const struct face *face, struct text *out);
void column_add_bytes(struct text *out, int64_t bytes);

#endif
