/* SPDX-License-Identifier: Apache-2.0 */
/* canopy stats: the collector's own figures. Whatever the answer holds is shown by its path, so that a figure added to
 * the collector needs no change here. */
#include <errno.h>
#include <stdlib.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/object.h"

#define DEPTH_MAX 8
#define NAME_MAX_ 200

static const struct table_column columns[] = {{"FIGURE", 24, false, false}, {"VALUE", 8, false, false}};

static void add_scalar(struct table *table, const char *name, const json_t *value, const struct face *face)
{
	struct text label = TEXT_NULL, text = TEXT_NULL;

	escape_text(&label, bytes_from_string(name), face->utf8);
	if (json_is_string(value))
		escape_text(&text, bytes_make(json_string_value(value), json_string_length(value)), face->utf8);
	else if (json_is_integer(value))
		text_printf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		text_printf(&text, "%.6g", json_real_value(value));
	else
		text_puts(&text, json_is_null(value) ? "-" : json_is_true(value) ? "yes" : "no");
	table_add(table, text_bytes(&label), COLOR_PLAIN);
	table_add(table, text_bytes(&text), COLOR_PLAIN);
	text_finish(&label);
	text_finish(&text);
}

static void add_value(struct table *table, const char *name, const json_t *value, const struct face *face,
		      unsigned depth)
{
	char path[NAME_MAX_];
	const char *key;
	json_t *member;
	size_t i;

	if (depth < DEPTH_MAX && json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member) {
			(void)snprintf(path, sizeof(path), "%s%s%s", name, *name ? "." : "", key);
			add_value(table, path, member, face, depth + 1);
		}
	} else if (depth < DEPTH_MAX && json_is_array(value)) {
		json_array_foreach(value, i, member) {
			(void)snprintf(path, sizeof(path), "%s[%zu]", name, i);
			add_value(table, path, member, face, depth + 1);
		}
	} else {
		add_scalar(table, name, value, face);
	}
}

static int print_stats(struct context *context, const json_t *answer)
{
	struct face face = context_face(context);
	struct text out = TEXT_NULL;
	struct table table;
	char *json;
	int err;

	table_init(&table, &context->terminal, columns, 2);
	if (context->options.output == OUTPUT_JSON || context->options.output == OUTPUT_NDJSON) {
		json = json_dumps(answer, context->options.output == OUTPUT_JSON ? JSON_INDENT(2) : JSON_COMPACT);
		escape_json(&out, bytes_from_string(json), context->terminal.utf8);
		text_putc(&out, '\n');
		free(json);
		err = json ? 0 : -ENOMEM;
	} else {
		add_value(&table, "", answer, &face, 0);
		err = table_flush(&table, &out);
	}
	if (!err)
		err = text_write(&out, stdout);
	table_finish(&table);
	text_finish(&out);
	return err ? context_fail(err) : context_result(context, 1);
}

int cmd_stats(struct context *context)
{
	struct text path = TEXT_NULL;
	json_t *answer = NULL;
	int code;

	text_puts(&path, "/api/v1/stats");
	code = context_get_object(context, &path, &answer);
	if (!code)
		code = print_stats(context, answer);
	json_decref(answer);
	text_finish(&path);
	return code;
}
