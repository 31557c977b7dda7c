/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/console/api/page.h"

#include "collector/console/api/api.h"

static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" "
    "content=\"light dark\">"
    "<title>Canopy</title></head>\n"
    "<body>\n"
    "<h1>Canopy</h1>\n"
    "<p>The collector, version " CANOPY_VERSION ". It shows the processes of a fleet as one forest.</p>\n"
    "<h2>Command line</h2>\n"
    "<p><code>canopy hosts</code>, <code>canopy tree</code>, <code>canopy ps</code>, <code>canopy tail</code>; "
    "<code>canopy help</code> lists the rest.</p>\n"
    "<h2>Interface</h2>\n"
    "<ul>\n"
    "<li><a href=\"/api/v1/hosts\">/api/v1/hosts</a></li>\n"
    "<li><a "
    "href=\"/api/v1/processes?limit=100\">/api/v1/processes</"
    "a>?filter=&amp;since=&amp;until=&amp;limit=&amp;sort=&amp;cursor=&amp;host=</li>\n"
    "<li>/api/v1/processes/ID and /api/v1/processes/ID/lineage</li>\n"
    "<li><a href=\"/api/v1/tree\">/api/v1/tree</a>?host=&amp;filter=&amp;depth=&amp;exited=&amp;children=</li>\n"
    "<li><a href=\"/api/v1/events\">/api/v1/events</a>?filter=&amp;cursor=&amp;host= (server-sent events)</li>\n"
    "<li><a href=\"/api/v1/stats\">/api/v1/stats</a></li>\n"
    "<li><a href=\"/metrics\">/metrics</a> (Prometheus), <a href=\"/livez\">/livez</a>, <a "
    "href=\"/readyz\">/readyz</a></li>\n"
    "</ul>\n"
    "<p>A filter reads <code>proc.name = curl and user.uid != 0</code>; docs/console.md describes it.</p>\n"
    "</body>\n"
    "</html>\n";

void page_show(struct api *api, struct connection *connection, const struct request *request)
{
	struct json body = JSON_EMPTY;

	(void)api;
	(void)request;
	json_raw(&body, page, sizeof(page) - 1);
	connection_answer(connection, 200, RESPONSE_HTML,
			  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'", &body);
}
