/* SPDX-License-Identifier: Apache-2.0 */
/* canopy ps: processes as a list, page after page, so that any number of them can be printed. */
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"

/* A column's name will do where the filter has another one for the same thing. */
static void add_sort(struct text *path, const char *sort)
{
	struct column_set set = {.count = 0};
	struct text name = TEXT_NULL, problem = TEXT_NULL;

	if (*sort == '-')
		text_putc(&name, *sort++);
	(void)column_set_parse(column_process_table(), sort, &set, &problem);
	text_puts(&name, set.count == 1 && set.columns[0]->alias ? set.columns[0]->alias : sort);
	client_add_query(path, "sort", text_bytes(&name));
	text_finish(&name);
	text_finish(&problem);
}

int cmd_ps(struct context *context)
{
	const struct options *options = &context->options;
	struct text path = TEXT_NULL;
	struct listing listing;
	size_t shift;
	int code = context_open_listing(context, &listing, column_process_table(),
					"host,pid,ppid,user,start,state,duration,command",
					"host,pid,ppid,user,start,state,duration,exe,cwd,id,command");

	if (code)
		return code;
	text_puts(&path, "/api/v1/processes");
	context_add_filter(context, &path, &shift);
	code = context_add_time(context, &path, "since", options->since);
	if (!code)
		code = context_add_time(context, &path, "until", options->until);
	if (options->sort)
		add_sort(&path, options->sort);
	if (!code)
		code = context_list(context, &listing, &path, "processes", options->limit, shift);
	text_finish(&path);
	listing_close(&listing);
	return code;
}
