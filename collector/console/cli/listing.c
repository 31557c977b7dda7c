/* SPDX-License-Identifier: Apache-2.0 */
/* JSON is passed through as the server wrote it; on a terminal the code points that could fool it are escaped in ways
 * that leave the document the same. Tables are flushed every LISTING_PORTION rows at the latest: enough to find good
 * widths, little enough to stay small. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/escape.h"
#include "collector/console/cli/listing.h"
#include "collector/console/cli/object.h"

#define LISTING_PORTION 512
#define LISTING_PORTION_BYTES ((size_t)1 << 20)

static void open_table(struct listing *listing)
{
	struct table_column columns[COLUMN_SET_MAX] = {{0}};

	for (size_t i = 0; i < listing->set.count; i++) {
		const struct column *column = listing->set.columns[i];

		columns[i] = (struct table_column){column->heading, column->width, column->right, column->shrinks};
	}
	table_init(&listing->table, listing->format == OUTPUT_WIDE ? &listing->uncut : listing->terminal, columns,
		   listing->set.count);
}

int listing_open(struct listing *ret, const struct terminal *terminal, enum output_format format,
		 const struct column *columns, const char *fields, const char *narrow, const char *wide, int64_t now,
		 FILE *file, struct text *problem)
{
	const char *names = fields ? fields : format == OUTPUT_WIDE ? wide : narrow;
	int err;

	*ret = (struct listing){
		.format = format, .terminal = terminal, .uncut = *terminal, .file = file, .chosen = fields};
	ret->uncut.columns = 0;
	ret->face = (struct face){terminal->utf8, format == OUTPUT_WIDE, format == OUTPUT_CSV, now};
	err = column_set_parse(columns, names, &ret->set, problem);
	if (!err)
		open_table(ret);
	return err;
}

void listing_close(struct listing *listing)
{
	table_finish(&listing->table);
	text_finish(&listing->out);
	text_finish(&listing->cell);
}

/* ---- formats -------------------------------------------------------------------------------------------------- */

static void add_row(struct listing *listing, const json_t *object)
{
	for (size_t i = 0; i < listing->set.count; i++) {
		enum color color;

		text_reset(&listing->cell);
		color = column_add(listing->set.columns[i], object, &listing->face, &listing->cell);
		table_add(&listing->table, text_bytes(&listing->cell), color);
	}
}

/* RFC 4180; what was escaped for a terminal stays so, thus a value never spans lines. */
static void add_csv_value(struct text *out, struct bytes value)
{
	bool quotes = false;

	for (size_t i = 0; i < value.len; i++)
		quotes |= value.data[i] == ',' || value.data[i] == '"';
	if (!quotes) {
		text_add(out, value.data, value.len);
		return;
	}
	text_putc(out, '"');
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == '"')
			text_putc(out, '"');
		text_putc(out, value.data[i]);
	}
	text_putc(out, '"');
}

static void add_csv(struct listing *listing, const json_t *object)
{
	for (size_t i = 0; listing->count == 0 && i < listing->set.count; i++)
		text_printf(&listing->out, "%s%s", i ? "," : "", listing->set.columns[i]->name);
	if (listing->count == 0)
		text_putc(&listing->out, '\n');
	for (size_t i = 0; i < listing->set.count; i++) {
		if (i)
			text_putc(&listing->out, ',');
		text_reset(&listing->cell);
		(void)column_add(listing->set.columns[i], object, &listing->face, &listing->cell);
		add_csv_value(&listing->out, text_bytes(&listing->cell));
	}
	text_putc(&listing->out, '\n');
}

static void add_escaped(struct listing *listing, struct bytes json)
{
	if (listing->terminal->is_terminal)
		escape_json(&listing->out, json, listing->face.utf8);
	else
		text_add(&listing->out, json.data, json.len);
}

/* Only the members that were named, with the values that the server gave. */
static void add_chosen(struct listing *listing, const json_t *object)
{
	struct text *out = &listing->out;

	text_putc(out, '{');
	for (size_t i = 0; i < listing->set.count; i++) {
		const json_t *value = object_at(object, listing->set.columns[i]->path);
		char *json = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		text_printf(out, "%s\"%s\":", i ? "," : "", listing->set.columns[i]->name);
		add_escaped(listing, bytes_from_string(json ? json : "null"));
		free(json);
	}
	text_putc(out, '}');
}

static void add_json(struct listing *listing, struct bytes text, const json_t *object)
{
	if (listing->format == OUTPUT_JSON)
		text_puts(&listing->out, listing->count ? ",\n" : "[\n");
	if (listing->chosen)
		add_chosen(listing, object);
	else
		add_escaped(listing, text);
	if (listing->format == OUTPUT_NDJSON)
		text_putc(&listing->out, '\n');
}

int listing_add(struct listing *listing, struct bytes text)
{
	json_t *object = object_parse(text.data, text.len);
	int err = json_is_object(object) ? 0 : -EBADMSG;

	if (!err) {
		if (listing->format == OUTPUT_JSON || listing->format == OUTPUT_NDJSON)
			add_json(listing, text, object);
		else if (listing->format == OUTPUT_CSV)
			add_csv(listing, object);
		else
			add_row(listing, object);
		listing->count++;
	}
	json_decref(object);
	if (!err && (++listing->unwritten >= LISTING_PORTION || listing->out.len >= LISTING_PORTION_BYTES))
		err = listing_flush(listing);
	return err;
}

int listing_flush(struct listing *listing)
{
	int err = table_flush(&listing->table, &listing->out);

	errno = 0;
	if (!err)
		err = text_write(&listing->out, listing->file);
	if (!err && fflush(listing->file) != 0)
		err = -EIO;
	text_reset(&listing->out);
	listing->unwritten = 0;
	return err == -EIO && errno ? -errno : err;
}

int listing_end(struct listing *listing)
{
	if (listing->format == OUTPUT_JSON)
		text_puts(&listing->out, listing->count ? "\n]\n" : "[]\n");
	return listing_flush(listing);
}
