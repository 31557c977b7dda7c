/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector that need not be ours answers, on its way to a terminal. The first two bytes say how it is shown; then come an
 * answer with lists and, each behind a byte ff, types and data of events. A list is cut into the members that a JSON parser finds,
 * JSON stays the same document, a picture has the lines and columns of its terminal, and all of it is harmless. */
#include <locale.h>
#include <stdio.h>

#include "collector/console/cli/capability.h"
#include "collector/console/cli/gap.h"
#include "collector/console/cli/glyph.h"
#include "collector/console/cli/listing.h"
#include "collector/console/cli/live.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"
#include "collector/console/cli/timefmt.h"
#include "collector/console/cli/tree.h"
#include "tests/fuzz/collector/harmless.h"

#define NOW (INT64_C(1795348867) * NS_PER_SECOND)
#define COLUMNS_MIN 41u /* the fixed columns of the live view fit */
#define EVENTS_MAX 64u
#define DEPTH_MAX 64u /* below it parents are not compared */

static const char *const lists[] = {"nodes", "hosts", "processes", "lineage"};

struct view {
	struct terminal terminal;
	enum output_format format;
	bool chosen; /* with --fields */
};

/* ---- what is written ------------------------------------------------------------------------------------------ */

/* Returns how many lines there are. columns: that each has at most; 0 = any. */
static size_t check_lines(struct bytes out, const struct view *view, unsigned columns)
{
	size_t count = 0;

	while (out.len) {
		const char *end = memchr(out.data, '\n', out.len);
		struct bytes line = bytes_make(out.data, end ? (size_t)(end - out.data) : out.len);

		check_harmless(line, view->terminal.utf8);
		must(!columns || glyph_width(line.data, line.len) <= columns);
		out = bytes_make(line.data + line.len + (end != NULL), out.len - line.len - (end != NULL));
		count++;
	}
	return count;
}

static void check_value(struct text *out, const struct view *view)
{
	must(!out->failed);
	check_harmless(text_bytes(out), view->terminal.utf8);
	text_reset(out);
}

static void check_columns(const struct column *table, const json_t *object, const struct face *face, struct text *out,
			  const struct view *view)
{
	for (const struct column *column = table; column->name; column++) {
		(void)column_add(column, object, face, out);
		must(face->raw || out->len || column->kind == COLUMN_EXIT);
		check_value(out, view);
	}
}

static void check_object(const json_t *object, const struct view *view)
{
	struct face face = {view->terminal.utf8, view->format == OUTPUT_WIDE, view->format == OUTPUT_CSV, NOW};
	struct text out = TEXT_NULL;

	check_columns(column_process_table(), object, &face, &out, view);
	check_columns(column_host_table(), object, &face, &out, view);
	gap_add_line(object, &face, &out);
	check_value(&out, view);
	summary_add_heading(object, object_string(object, "host"), &face, &out);
	check_value(&out, view);
	capability_add_names(object_string(object, "caps.effective"), &out);
	check_value(&out, view);
	text_finish(&out);
}

/* ---- lists ---------------------------------------------------------------------------------------------------- */

/* All members, or NULL when one of them is no JSON. The caller drops it. */
static json_t *read_members(struct page *page)
{
	json_t *members = json_array();
	struct bytes text;

	while (page_next(page, &text)) {
		json_t *member = object_parse(text.data, text.len);

		must(is_within(text, page->list) && text.len);
		if (!member) {
			json_decref(members);
			return NULL;
		}
		must(json_array_append_new(members, member) == 0);
	}
	return members;
}

/* With --fields there are those alone, with the values that came. */
static void check_chosen(const json_t *shown, const json_t *object, const struct listing *listing)
{
	must(json_object_size(shown) == listing->set.count);
	for (size_t i = 0; i < listing->set.count; i++) {
		const struct column *column = listing->set.columns[i];
		const json_t *value = object_at(object, column->path), *written = json_object_get(shown, column->name);

		must(value ? json_equal(written, value) : json_is_null(written));
	}
}

static void check_json(struct bytes out, const json_t *members, const struct listing *listing)
{
	json_t *shown = object_parse(out.data, out.len), *member;
	size_t i;

	must(json_array_size(shown) == json_array_size(members) && json_is_array(shown));
	json_array_foreach(shown, i, member) {
		if (listing->chosen)
			check_chosen(member, json_array_get(members, i), listing);
		else
			must(json_equal(member, json_array_get(members, i)));
	}
	json_decref(shown);
}

static void check_listed(struct bytes out, const json_t *members, const struct listing *listing, const struct view *view)
{
	bool table = listing->format == OUTPUT_TABLE;
	size_t count = json_array_size(members), lines = check_lines(out, view, table ? view->terminal.columns : 0);

	if (listing->format == OUTPUT_JSON)
		check_json(out, members, listing);
	else if (listing->format == OUTPUT_NDJSON)
		must(lines >= count); /* more where the server itself breaks lines */
	else
		must(lines == (count ? count + 1 : 0));
}

static void check_listing(struct page *page, const struct view *view)
{
	static const char fields[] = "time,event,host,pid,exit,flags,tty,max_rss,command";
	struct text problem = TEXT_NULL;
	json_t *members = json_array();
	struct listing listing;
	struct bytes text;
	char *data = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&data, &len);

	must(file && listing_open(&listing, &view->terminal, view->format, column_process_table(),
				  view->chosen ? fields : NULL, "pid,comm,state", fields, NOW, file, &problem) == 0);
	while (page_next(page, &text) && listing_add(&listing, text) == 0)
		must(json_array_append_new(members, object_parse(text.data, text.len)) == 0);
	must(listing.count == json_array_size(members));
	must(listing_end(&listing) == 0 && fclose(file) == 0);
	check_listed(bytes_make(data, len), members, &listing, view);
	json_decref(members);
	listing_close(&listing);
	text_finish(&problem);
	free(data);
}

/* A document that names nothing twice reads as any JSON parser reads it. */
static void check_page(struct bytes document, const char *name, const struct view *view)
{
	struct page page = PAGE_NULL;
	bool nul = document.len && memchr(document.data, '\0', document.len); /* jansson alone would take it here and there */
	json_error_t why = {0};
	json_t *whole = nul ? NULL : json_loadb(document.data ? document.data : "", document.len,
						JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why),
	       *list = object_at(whole, name), *members;

	if (page_open(&page, document, name) < 0) {
		/* a name may be written with escapes, which nobody does */
		must(!json_is_array(list) || memchr(document.data, '\\', document.len));
	} else {
		members = read_members(&page);
		must(!whole || (members && json_equal(members, list)));
		must(whole || !members || json_error_code(&why) == json_error_duplicate_key ||
		     json_error_code(&why) == json_error_stack_overflow);
		json_decref(members);
		page.at = 0;
		check_listing(&page, view);
	}
	page_finish(&page);
	json_decref(whole);
}

/* ---- pictures ------------------------------------------------------------------------------------------------- */

static void check_tree(const json_t *nodes, const json_t *hosts, const struct view *view)
{
	struct face face = {.utf8 = view->terminal.utf8, .now = NOW};
	struct text out = TEXT_NULL;
	struct tree tree;
	json_t *node;
	size_t i;

	tree_init(&tree, &view->terminal, &face);
	json_array_foreach(nodes, i, node) {
		int64_t depth = 0;

		(void)object_int(node, "depth", &depth);
		tree_add_process(&tree, node, depth > 0 ? (uint32_t)depth : 0);
	}
	must(tree_flush(&tree, &out) == 0);
	must(check_lines(text_bytes(&out), view, view->terminal.columns) == (i ? i + 1 : 0));
	text_reset(&out);
	summary_add_current(hosts, &face, &out);
	check_value(&out, view);
	tree_finish(&tree);
	text_finish(&out);
}

/* Whoever is neither hidden nor below a circle of parents is in the picture, below its own parent. */
static void check_forest(const struct model *model)
{
	const struct model_node *above[DEPTH_MAX + 1] = {NULL};
	size_t seen = 0, expected = 0;

	for (size_t i = 0; i < model->row_count; i++) {
		const struct model_row *row = &model->rows[i];

		must((row->node || row->of) && (!row->node || row->depth <= i));
		if (!row->node)
			continue;
		seen++;
		if (row->depth <= DEPTH_MAX)
			above[row->depth] = row->node;
		if (row->depth == 0)
			must(!row->node->parent);
		else if (row->depth <= DEPTH_MAX)
			must(row->node->parent == above[row->depth - 1]);
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct model_node *root = model->nodes[i];

		for (size_t steps = 0; root && steps <= model->count; steps++)
			root = root->parent;
		expected += !root && !model->nodes[i]->hidden;
	}
	must(seen == expected);
}

static void check_frame(struct live *live, int64_t now_ms, const struct view *view)
{
	const char *begin = color_begin(COLOR_REVERSE, true), *end = color_end(COLOR_REVERSE, true);
	struct text out = TEXT_NULL;
	size_t bar, rest = view->terminal.rows;

	must(live_draw(live, NOW, now_ms, &out) == 0);
	check_forest(&live->model);
	/* the bar is reversed on every terminal */
	must(strncmp(out.data, begin, strlen(begin)) == 0);
	bar = strcspn(out.data + strlen(begin), "\033");
	must(check_lines(bytes_make(out.data + strlen(begin), bar), view, view->terminal.columns) == 1);
	bar += strlen(begin);
	must(strncmp(out.data + bar, end, strlen(end)) == 0);
	bar += strlen(end);
	for (size_t i = bar; i < out.len; i++)
		rest -= out.data[i] == '\n';
	must(rest == 1);
	(void)check_lines(bytes_make(out.data + bar, out.len - bar), view, view->terminal.columns);
	text_finish(&out);
}

static void poll_nodes(struct live *live, const json_t *nodes, int64_t asked_ms)
{
	json_t *node;
	size_t i;

	model_poll_begin(&live->model, asked_ms);
	json_array_foreach(nodes, i, node)
		must(model_poll_add(&live->model, node) == 0);
	model_poll_end(&live->model, asked_ms);
}

static void check_live(struct input *events, const json_t *nodes, const json_t *hosts, const struct view *view)
{
	int64_t now_ms = 1000;
	struct live live;

	live_init(&live, &view->terminal);
	live_set_hosts(&live, json_incref((json_t *)hosts));
	poll_nodes(&live, nodes, now_ms);
	check_frame(&live, now_ms, view);
	for (unsigned i = 0; events->left && i < EVENTS_MAX; i++, now_ms += 400) {
		char *type = input_string(input_part(events));
		struct bytes data = input_part(events);
		json_t *object = object_parse(data.data, data.len);

		if (json_is_object(object) && *type) {
			must(live_add_event(&live, type, object, now_ms) == 0);
			check_object(object, view);
		}
		json_decref(object);
		free(type);
	}
	check_frame(&live, now_ms, view);
	live_scroll(&live, KEY_PAGE_DOWN);
	poll_nodes(&live, nodes, now_ms);
	model_expire(&live.model, now_ms + MODEL_LINGER_MS);
	check_frame(&live, now_ms, view);
	live_finish(&live);
}

static void set_up(void)
{
	static bool done;

	must(done || (setlocale(LC_CTYPE, "C.UTF-8") && timefmt_zone("UTC") == 0));
	done = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	uint8_t how = input_byte(&input), edge = input_byte(&input);
	struct view view = {.terminal = {.is_terminal = true, .utf8 = how & 1, .columns = COLUMNS_MIN + edge,
					 .rows = 1 + (how >> 1) % 32u},
			    .format = (enum output_format)(edge % 5), .chosen = how & 128};
	struct bytes document = input_part(&input);
	json_t *answer = object_parse(document.data, document.len), *nodes = object_at(answer, "nodes"),
	       *hosts = object_at(answer, "hosts"), *item;

	set_up();
	for (size_t i = 0, at; i < sizeof(lists) / sizeof(lists[0]); i++) {
		check_page(document, lists[i], &view);
		json_array_foreach(object_at(answer, lists[i]), at, item)
			check_object(item, &view);
	}
	check_tree(nodes, hosts, &view);
	check_live(&input, nodes, hosts, &view);
	json_decref(answer);
	return 0;
}
