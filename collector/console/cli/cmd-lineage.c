/* SPDX-License-Identifier: Apache-2.0 */
/* canopy lineage ID: how a process came to be, from the root on. A chain needs no branches, only a step in for each
 * generation. */
#include <errno.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"
#include "collector/console/cli/timefmt.h"
#include "collector/console/cli/tree.h"

#define INDENT_MAX 20

static const struct table_column columns[] = {
	{"PID", 7, true, false},    {"USER", 6, false, true},     {"EXEC", 8, false, false},
	{"STATE", 7, false, false}, {"COMMAND", 10, false, true},
};

/* When its current image began; at the root of things that is the start. */
static void add_exec_time(const json_t *process, const struct face *face, struct text *out)
{
	const json_t *images = object_at(process, "images"),
		     *image = json_array_get(images, json_array_size(images) - 1);
	int64_t moment;

	if (!object_time(image, "time", &moment) && !object_time(process, "start", &moment))
		text_putc(out, '-');
	else if (face->full)
		timefmt_add_full(out, moment);
	else
		timefmt_add_short(out, moment, face->now);
}

static void add_row(struct table *table, const json_t *process, unsigned depth, const struct face *face)
{
	unsigned indent = depth < INDENT_MAX ? depth : INDENT_MAX;
	struct text cell = TEXT_NULL;
	enum color color;
	int64_t pid;

	if (object_int(process, "pid", &pid))
		text_printf(&cell, "%lld", (long long)pid);
	table_add(table, text_bytes(&cell), COLOR_PLAIN);
	text_reset(&cell);
	column_add_user(process, face, &cell);
	table_add(table, text_bytes(&cell), COLOR_PLAIN);
	text_reset(&cell);
	add_exec_time(process, face, &cell);
	table_add(table, text_bytes(&cell), COLOR_PLAIN);
	text_reset(&cell);
	color = column_add_state(process, &cell);
	table_add(table, text_bytes(&cell), color);
	text_reset(&cell);
	for (unsigned i = 1; i < indent; i++)
		text_puts(&cell, "  ");
	if (indent)
		text_puts(&cell, face->utf8 ? "└─" : "`-");
	tree_add_mark(process, &cell);
	column_add_command(process, face, &cell);
	table_add(table, text_bytes(&cell), color == COLOR_GOOD ? COLOR_PLAIN : COLOR_DIM);
	text_finish(&cell);
}

static int draw(struct context *context, struct page *page, unsigned *ret_count)
{
	struct face face = context_face(context);
	struct terminal edge = context->terminal;
	struct text out = TEXT_NULL;
	struct table table;
	struct bytes object;
	unsigned depth = 0;
	int err = 0;

	if (context->options.output == OUTPUT_WIDE)
		edge.columns = 0;
	table_init(&table, &edge, columns, sizeof(columns) / sizeof(columns[0]));
	while (!err && page_next(page, &object)) {
		json_t *process = object_parse(object.data, object.len);

		if (json_is_object(process))
			add_row(&table, process, depth++, &face);
		else
			err = -EBADMSG;
		json_decref(process);
	}
	if (!err)
		err = table_flush(&table, &out);
	if (!err)
		err = text_write(&out, stdout);
	*ret_count = depth;
	table_finish(&table);
	text_finish(&out);
	return err;
}

static int print_chain(struct context *context, const struct text *path)
{
	struct transfer transfer = TRANSFER_NULL;
	struct page page = PAGE_NULL;
	unsigned count = 0;
	int code = context_get(context, path, 0, &transfer), err;

	if (code)
		return code;
	err = page_open(&page, text_bytes(&transfer.body), "lineage");
	if (!err)
		err = draw(context, &page, &count);
	if (!err)
		context_note_incomplete(context, page.rest);
	page_finish(&page);
	transfer_end(&transfer);
	return err ? context_fail(err) : context_result(context, count);
}

static int list_chain(struct context *context, struct text *path)
{
	struct listing listing;
	int code = context_open_listing(context, &listing, column_process_table(),
					"host,pid,user,start,state,duration,command",
					"host,pid,user,start,state,duration,exe,cwd,id,command");

	if (code)
		return code;
	code = context_list(context, &listing, path, "lineage", 0, 0);
	listing_close(&listing);
	return code;
}

int cmd_lineage(struct context *context)
{
	enum output_format output = context->options.output;
	struct text path = TEXT_NULL;
	int code = context_add_process(context, &path, context->options.words[0]);

	text_puts(&path, "/lineage");
	if (!code && (output == OUTPUT_TABLE || output == OUTPUT_WIDE) && !context->options.fields)
		code = print_chain(context, &path);
	else if (!code)
		code = list_chain(context, &path);
	text_finish(&path);
	return code;
}
