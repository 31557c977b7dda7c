/* SPDX-License-Identifier: Apache-2.0 */
/* canopy tree: the forest once, host by host. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"
#include "collector/console/cli/summary.h"
#include "collector/console/cli/tree.h"

struct picture {
	struct tree tree;
	struct face face;
	const json_t *hosts;       /* borrowed from the answer */
	struct text boot;          /* of the host whose heading was written last */
	uint64_t processes;
};

static void add_parameters(const struct context *context, struct text *path, size_t *ret_shift)
{
	const struct options *options = &context->options;
	struct text depth = TEXT_NULL;

	text_puts(path, "/api/v1/tree");
	context_add_filter(context, path, ret_shift);
	if (options->exited)
		client_add_query(path, "exited", BYTES_LITERAL("1"));
	if (options->children)
		client_add_query(path, "children", BYTES_LITERAL("1"));
	if (options->depth >= 0) {
		text_printf(&depth, "%" PRId64, options->depth);
		client_add_query(path, "depth", text_bytes(&depth));
	}
	text_finish(&depth);
}

static void add_heading(struct picture *picture, const json_t *process)
{
	struct bytes boot = object_string(process, "boot_id"), name = object_string(process, "host");
	struct text line = TEXT_NULL;

	if (picture->processes && bytes_equal(boot, text_bytes(&picture->boot)))
		return;
	text_reset(&picture->boot);
	text_add(&picture->boot, boot.data, boot.len);
	summary_add_heading(summary_find_host(picture->hosts, boot), name, &picture->face, &line);
	tree_add_heading(&picture->tree, text_bytes(&line));
	text_finish(&line);
}

static int add_node(struct picture *picture, struct bytes text)
{
	json_t *process = object_parse(text.data, text.len);
	int64_t depth = 0;

	if (!json_is_object(process)) {
		json_decref(process);
		return -EBADMSG;
	}
	(void)object_int(process, "depth", &depth);
	add_heading(picture, process);
	tree_add_process(&picture->tree, process, depth > 0 ? (uint32_t)depth : 0);
	picture->processes++;
	json_decref(process);
	return 0;
}

static int draw(struct context *context, struct page *page, uint64_t *ret_count)
{
	struct picture picture = {.face = context_face(context), .hosts = object_at(page->rest, "hosts")};
	struct terminal uncut = context->terminal;
	struct text out = TEXT_NULL;
	struct bytes node;
	int err = 0;

	if (context->options.output == OUTPUT_WIDE)
		uncut.columns = 0;
	tree_init(&picture.tree, &uncut, &picture.face);
	while (!err && page_next(page, &node))
		err = add_node(&picture, node);
	if (!err)
		err = tree_flush(&picture.tree, &out);
	if (!err) {
		summary_add_current(picture.hosts, &picture.face, &out);
		text_putc(&out, '\n');
		err = text_write(&out, stdout);
	}
	*ret_count = picture.processes;
	tree_finish(&picture.tree);
	text_finish(&picture.boot);
	text_finish(&out);
	return err;
}

static int print_tree(struct context *context, const struct transfer *transfer)
{
	struct page page = PAGE_NULL;
	uint64_t count = 0;
	int err = page_open(&page, text_bytes(&transfer->body), "nodes");

	if (!err)
		err = draw(context, &page, &count);
	if (!err)
		context_note_incomplete(context, page.rest);
	page_finish(&page);
	return err ? context_fail(err) : context_result(context, count);
}

/* The same nodes as a list, for programs. */
static int list_tree(struct context *context, struct text *path, size_t shift)
{
	struct listing listing;
	int code = context_open_listing(context, &listing, column_process_table(),
					"depth,host,pid,ppid,user,start,state,duration,command",
					"depth,host,pid,ppid,user,start,state,duration,command");

	if (code)
		return code;
	code = context_list(context, &listing, path, "nodes", 0, shift);
	listing_close(&listing);
	return code;
}

int cmd_tree(struct context *context)
{
	enum output_format output = context->options.output;
	struct transfer transfer = TRANSFER_NULL;
	struct text path = TEXT_NULL;
	size_t shift;
	int code;

	if (context->options.live)
		return cmd_top(context);
	add_parameters(context, &path, &shift);
	if ((output != OUTPUT_TABLE && output != OUTPUT_WIDE) || context->options.fields) {
		code = list_tree(context, &path, shift);
	} else {
		code = context_get(context, &path, shift, &transfer);
		if (!code) {
			code = print_tree(context, &transfer);
			transfer_end(&transfer);
		}
	}
	text_finish(&path);
	return code;
}
