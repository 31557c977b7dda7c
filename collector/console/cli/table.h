/* SPDX-License-Identifier: Apache-2.0 */
/* Rows laid out in columns. Rows are gathered and written by table_flush; widths only ever grow from one flush to the
 * next, so a long or endless list can be written in portions and stays aligned. On a terminal too narrow for
 * everything, the widest columns that may shrink give way first and what does not fit ends in '…'; in a pipe nothing
 * is ever cut. */
#ifndef CANOPY_CONSOLE_CLI_TABLE_H
#define CANOPY_CONSOLE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "collector/console/cli/color.h"
#include "collector/console/cli/terminal.h"
#include "collector/console/cli/text.h"

#define TABLE_COLUMNS_MAX 48
/* A column that may shrink keeps at least this, so that something can be told from it. */
#define TABLE_SHRINK_MIN 6

struct table_column {
	const char *heading;  /* borrowed */
	unsigned width;       /* at least so wide, even when the heading is shorter */
	bool right;           /* aligned to the right */
	bool shrinks;         /* may be cut when the terminal is narrow */
};

struct table_cell {
	size_t offset, len;   /* in text */
	enum color color;
	bool whole;           /* a line of its own across all columns; the other cells of its row are empty */
};

struct table {
	const struct terminal *terminal; /* borrowed */
	struct table_column columns[TABLE_COLUMNS_MAX];
	size_t column_count;
	size_t widths[TABLE_COLUMNS_MAX];
	struct text text;              /* cells of the rows gathered, one behind the other */
	struct table_cell *cells;      /* owned; column_count each row */
	size_t cell_count, cell_capacity;
	bool headed;                   /* the headings were written, or are not wanted */
	bool failed;
};

/* columns are copied, their headings borrowed. */
void table_init(struct table *table, const struct terminal *terminal, const struct table_column *columns, size_t count);
void table_finish(struct table *table);

/* The next cell, in the order of the columns; value was escaped before. */
void table_add(struct table *table, struct bytes value, enum color color);

/* A line between rows that does not keep to the columns. Only where a row would begin. */
void table_add_line(struct table *table, struct bytes value, enum color color);

/* Appends the rows gathered to out, the headings before the first ones, and forgets them. Returns 0 or -ENOMEM. */
int table_flush(struct table *table, struct text *out);

/* Appends value cut to width columns, '…' (or '~' where the locale is not UTF-8) at the cut, padded to width; right:
 * padded on the left. */
void table_add_padded(struct text *out, struct bytes value, size_t width, bool right, bool utf8);

#endif
