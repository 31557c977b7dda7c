/* SPDX-License-Identifier: Apache-2.0 */
/* canopy hosts: how fresh and how whole the picture of each host is. */
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/message.h"

int cmd_hosts(struct context *context)
{
	struct text path = TEXT_NULL;
	struct listing listing;
	int code = context_open_listing(
		context, &listing, column_host_table(), "host,state,lag,queue,lost,skew,gaps,live,version,tags",
		"host,state,lag,queue,lost,skew,gaps,live,exited,events,kernel,arch,version,first_seen,boot_id,cloned,refused,tags");

	if (code)
		return code;
	text_puts(&path, "/api/v1/hosts");
	code = context_list(context, &listing, &path, "hosts", 0, 0);
	text_finish(&path);
	if (code == EXIT_NOTHING)
		message("no host has been heard of yet; start canopy-sensor on one with --collector HOST:PORT");
	listing_close(&listing);
	return code;
}
