/* SPDX-License-Identifier: Apache-2.0 */
/* canopy ps: processes as a list, page after page, so that any number of them can be printed. */
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"

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
		client_add_query(&path, "sort", bytes_from_string(options->sort));
	if (!code)
		code = context_list(context, &listing, &path, "processes", options->limit, shift);
	text_finish(&path);
	listing_close(&listing);
	return code;
}
