/* SPDX-License-Identifier: Apache-2.0 */
/* Cells lie in one buffer, so that gathering a row costs no allocation. Blanks at the end of a line are never written:
 * the last column is not padded. */
#include <errno.h>
#include <stdlib.h>

#include "collector/console/cli/table.h"
#include "collector/console/cli/glyph.h"

#define GAP 1

void table_init(struct table *table, const struct terminal *terminal, const struct table_column *columns, size_t count)
{
	*table = (struct table){.terminal = terminal,
				.column_count = count < TABLE_COLUMNS_MAX ? count : TABLE_COLUMNS_MAX};
	for (size_t i = 0; i < table->column_count; i++) {
		size_t heading = glyph_width(columns[i].heading, strlen(columns[i].heading));

		table->columns[i] = columns[i];
		table->widths[i] = heading > columns[i].width ? heading : columns[i].width;
	}
}

void table_finish(struct table *table)
{
	text_finish(&table->text);
	free(table->cells);
	*table = (struct table){0};
}

static void append(struct table *table, struct bytes value, enum color color, bool whole)
{
	if (table->cell_count == table->cell_capacity) {
		size_t capacity = table->cell_capacity ? 2 * table->cell_capacity : 256;
		struct table_cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->cell_capacity = capacity;
	}
	table->cells[table->cell_count++] = (struct table_cell){table->text.len, value.len, color, whole};
	text_add(&table->text, value.data, value.len);
}

void table_add(struct table *table, struct bytes value, enum color color)
{
	size_t column = table->cell_count % table->column_count, width = glyph_width(value.data, value.len);

	if (width > table->widths[column])
		table->widths[column] = width;
	append(table, value, color, false);
}

void table_add_line(struct table *table, struct bytes value, enum color color)
{
	append(table, value, color, true);
	for (size_t i = 1; i < table->column_count; i++)
		append(table, BYTES_NULL, COLOR_PLAIN, false);
}

void table_add_padded(struct text *out, struct bytes value, size_t width, bool right, bool utf8)
{
	size_t taken, fits = glyph_fit(value.data, value.len, width, &taken);
	bool cut = fits < value.len;

	if (cut && width)
		fits = glyph_fit(value.data, value.len, width - 1, &taken);
	if (right)
		text_fill(out, ' ', width - taken - (cut && width ? 1 : 0));
	text_add(out, value.data, fits);
	if (cut && width)
		text_puts(out, utf8 ? "…" : "~");
	if (!right)
		text_fill(out, ' ', width - taken - (cut && width ? 1 : 0));
}

/* Takes from the widest column that may shrink until the line fits or nothing is left to take. */
static void fit_widths(const struct table *table, size_t *widths)
{
	size_t limit = table->terminal->columns, total = GAP * (table->column_count - 1);

	for (size_t i = 0; i < table->column_count; i++)
		total += widths[i] = table->widths[i];
	while (limit && total > limit) {
		size_t widest = SIZE_MAX;

		for (size_t i = 0; i < table->column_count; i++)
			if (table->columns[i].shrinks && widths[i] > TABLE_SHRINK_MIN &&
			    (widest == SIZE_MAX || widths[i] >= widths[widest]))
				widest = i;
		if (widest == SIZE_MAX)
			break;
		widths[widest]--;
		total--;
	}
}

/* Adds one line of cells; those beyond the edge of the terminal are cut there. */
static void add_cell(const struct table *table, struct text *out, const size_t *widths, size_t column,
		     struct bytes value, enum color color, size_t *left)
{
	size_t begin = out->len, width = widths[column] < *left ? widths[column] : *left;
	bool last = column + 1 == table->column_count;

	text_puts(out, color_begin(color, table->terminal->color));
	if (last && !table->columns[column].right && !table->terminal->columns)
		text_add(out, value.data, value.len);
	else
		table_add_padded(out, value, width, table->columns[column].right, table->terminal->utf8);
	if (last)
		while (out->len > begin && out->data[out->len - 1] == ' ')
			text_cut(out, out->len - 1);
	text_puts(out, color_end(color, table->terminal->color));
	*left -= width;
	if (!last && *left) {
		text_putc(out, ' ');
		*left -= GAP;
	}
}

static void trim_line(struct text *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		text_cut(out, out->len - 1);
	text_putc(out, '\n');
}

static size_t line_limit(const struct table *table)
{
	return table->terminal->columns ? table->terminal->columns : SIZE_MAX / 2;
}

static void add_line(const struct table *table, struct text *out, const struct table_cell *cell)
{
	struct bytes value = bytes_make(table->text.data + cell->offset, cell->len);

	text_puts(out, color_begin(cell->color, table->terminal->color));
	if (table->terminal->columns)
		table_add_padded(out, value, table->terminal->columns, false, table->terminal->utf8);
	else
		text_add(out, value.data, value.len);
	while (out->len && out->data[out->len - 1] == ' ')
		text_cut(out, out->len - 1);
	text_puts(out, color_end(cell->color, table->terminal->color));
	text_putc(out, '\n');
}

int table_flush(struct table *table, struct text *out)
{
	size_t widths[TABLE_COLUMNS_MAX], left = line_limit(table);

	if (table->failed || table->text.failed)
		return -ENOMEM;
	fit_widths(table, widths);
	if (!table->headed && table->cell_count) {
		for (size_t i = 0; i < table->column_count; i++)
			add_cell(table, out, widths, i, bytes_from_string(table->columns[i].heading), COLOR_BOLD,
				 &left);
		trim_line(out);
		table->headed = true;
	}
	for (size_t i = 0; i < table->cell_count; i++) {
		const struct table_cell *cell = &table->cells[i];
		size_t column = i % table->column_count;

		if (cell->whole) {
			add_line(table, out, cell);
			i += table->column_count - 1;
			continue;
		}
		if (column == 0)
			left = line_limit(table);
		add_cell(table, out, widths, column, bytes_make(table->text.data + cell->offset, cell->len),
			 cell->color, &left);
		if (column + 1 == table->column_count)
			trim_line(out);
	}
	table->cell_count = 0;
	text_reset(&table->text);
	return out->failed ? -ENOMEM : 0;
}
