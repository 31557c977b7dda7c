/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the routes behind the server and takes them apart again: connections go first, since their bodies use the
 * routes. */
#include "collector/console/console.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/api/api.h"

struct console {
	struct api *api;
	struct server *server;
	void (*closed)(void *owner);
	void *owner;
};

static void on_request(void *owner, struct connection *connection, const struct request *request)
{
	struct console *console = owner;

	api_request(console->api, connection, request);
}

static void on_api_closed(void *owner)
{
	struct console *console = owner;
	void (*closed)(void *owner) = console->closed;
	void *closed_owner = console->owner;

	free(console);
	if (closed)
		closed(closed_owner);
}

static void on_server_closed(void *owner)
{
	struct console *console = owner;

	api_close(console->api, on_api_closed, console);
}

static void drop(void *owner)
{
	free(owner);
}

int console_create(struct console **ret, const struct console_options *options, const struct fleet *fleet,
		   char **ret_why)
{
	struct api_options api = {.metrics_without_hosts = options->metrics_without_hosts,
				  .followers_max =
				      options->followers_max ? options->followers_max : CONSOLE_FOLLOWERS_MAX};
	struct console *console = calloc(1, sizeof(*console));
	int r;

	if (!console)
		return -ENOMEM;
	r = api_create(&console->api, &api, fleet);
	if (r < 0) {
		free(console);
		return r;
	}
	r = server_create(&console->server, fleet->loop, &options->server, on_request, console, ret_why);
	if (r < 0) {
		api_close(console->api, drop, console);
		return r;
	}
	api_use_server(console->api, console->server);
	*ret = console;
	return 0;
}

void console_address(const struct console *console, char *out, size_t len)
{
	server_address(console->server, out, len);
}

void console_wake(struct console *console)
{
	api_wake(console->api);
}

void console_close(struct console *console, void (*closed)(void *owner), void *owner)
{
	if (!console)
		return;
	console->closed = closed;
	console->owner = owner;
	api_use_server(console->api, NULL);
	server_close(console->server, on_server_closed, console);
}
