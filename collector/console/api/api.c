/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes. */
#include "collector/console/api/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "collector/console/api/events.h"
#include "collector/console/api/host.h"
#include "collector/console/api/metrics.h"
#include "collector/console/api/page.h"
#include "collector/console/api/process.h"
#include "collector/console/api/processes.h"
#include "collector/console/api/stats.h"
#include "collector/console/api/tree.h"

int64_t api_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void api_fail(struct connection *connection, int status, const char *code, const char *message, const char *hint)
{
	connection_error(connection,
			 &(struct response_error){.status = status, .code = code, .message = message, .hint = hint});
}

void api_fail_errno(struct connection *connection, int error)
{
	api_fail(connection, error == -ENOMEM ? 503 : 500, error == -ENOMEM ? "out_of_memory" : "internal",
		 uv_strerror(error), NULL);
}

/* ---- health -------------------------------------------------------------------------------------------------- */

static void answer_ok(struct connection *connection)
{
	struct json body = JSON_EMPTY;

	json_raw(&body, "ok\n", 3);
	connection_answer(connection, 200, RESPONSE_TEXT, NULL, &body);
}

static void live(struct api *api, struct connection *connection, const struct request *request)
{
	(void)api;
	(void)request;
	answer_ok(connection);
}

static void ready(struct api *api, struct connection *connection, const struct request *request)
{
	const char *why = "not ready";

	(void)request;
	if (api->fleet->ready(api->fleet->owner, &why))
		answer_ok(connection);
	else
		api_fail(connection, 503, "not_ready", why, NULL);
}

/* ---- what only an admin may -------------------------------------------------------------------------------------- */

static void reload(struct api *api, struct connection *connection, const struct request *request)
{
	struct json body = JSON_EMPTY;
	char *why = NULL;
	int r;

	if (request->role != TOKEN_ADMIN) {
		api_fail(connection, 403, "not_admin", "only an admin may have files read again",
			 "use a token that stands behind 'admin' in the collector's --token-file");
		return;
	}
	r = api->fleet->reload ? api->fleet->reload(api->fleet->owner, &why) : 0;
	if (r < 0) {
		api_fail(connection, 500, "not_reloaded", why ? why : strerror(-r), "what failed stays as it was");
	} else {
		json_object_begin(&body);
		json_key(&body, "reloaded");
		json_bool(&body, true);
		json_object_end(&body);
		json_raw(&body, "\n", 1);
		connection_answer(connection, 200, RESPONSE_JSON, NULL, &body);
	}
	free(why);
}

/* ---- routes -------------------------------------------------------------------------------------------------- */

typedef void (*route_fn)(struct api *api, struct connection *connection, const struct request *request);

static const struct {
	const char *path;
	route_fn show;
} routes[] = {
	{"/", page_show},
	{"/livez", live},
	{"/readyz", ready},
	{"/metrics", metrics_show},
	{"/api/v1/hosts", hosts_list},
	{"/api/v1/processes", processes_list},
	{"/api/v1/tree", tree_show},
	{"/api/v1/events", events_follow},
	{"/api/v1/stats", stats_show},
};

/* /api/v1/processes/ID[/lineage] */
static bool request_process(struct api *api, struct connection *connection, struct bytes path)
{
	static const struct bytes prefix = BYTES_LITERAL("/api/v1/processes/"), suffix = BYTES_LITERAL("/lineage");
	struct bytes id;

	if (path.len <= prefix.len || memcmp(path.data, prefix.data, prefix.len) != 0)
		return false;
	id = bytes_make(path.data + prefix.len, path.len - prefix.len);
	if (id.len > suffix.len && memcmp(id.data + id.len - suffix.len, suffix.data, suffix.len) == 0)
		process_lineage(api, connection, bytes_make(id.data, id.len - suffix.len));
	else if (!memchr(id.data, '/', id.len))
		process_show(api, connection, id);
	else
		return false;
	return true;
}

/* The one path that changes something, and the only method there. Returns whether it was it. */
static bool request_reload(struct api *api, struct connection *connection, const struct request *request)
{
	bool post = request->method == REQUEST_POST;

	if (post == bytes_equal(request->path, BYTES_LITERAL("/api/v1/reload"))) {
		if (post)
			reload(api, connection, request);
		return post;
	}
	api_fail(connection, 405, "method_not_allowed", post ? "only GET and HEAD are known here" : "only POST is known here",
		 post ? "the console reads; it changes nothing of the fleet" : NULL);
	return true;
}

void api_request(struct api *api, struct connection *connection, const struct request *request)
{
	if (request_reload(api, connection, request))
		return;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (bytes_equal(request->path, bytes_from_string(routes[i].path))) {
			routes[i].show(api, connection, request);
			return;
		}
	}
	if (!request_process(api, connection, request->path))
		api_fail(connection, 404, "no_such_path", "there is nothing at this path", "'/' lists what there is");
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

void api_wake(struct api *api)
{
	events_wake(api);
}

static void on_changed(void *owner)
{
	events_wake(owner);
}

int api_create(struct api **ret, const struct api_options *options, const struct fleet *fleet)
{
	struct api *api = calloc(1, sizeof(*api));

	if (!api)
		return -ENOMEM;
	api->fleet = fleet;
	api->options = *options;
	watch_init(&api->watch, fleet, on_changed, api);
	*ret = api;
	return 0;
}

void api_use_server(struct api *api, const struct server *server)
{
	api->server = server;
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct api *api = handle->data;
	void (*closed)(void *owner) = api->closed;
	void *owner = api->closed_owner;

	rankings_finish(&api->rankings);
	free(api);
	closed(owner);
}

void api_close(struct api *api, void (*closed)(void *owner), void *owner)
{
	api->closed = closed;
	api->closed_owner = owner;
	watch_finish(&api->watch, on_watch_closed);
}
