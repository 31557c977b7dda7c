/* SPDX-License-Identifier: Apache-2.0 */
/* GET /: what stands here, for whoever opens the address in a browser. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_PAGE_H
#define CANOPY_COLLECTOR_CONSOLE_API_PAGE_H

struct api;
struct connection;
struct request;

void page_show(struct api *api, struct connection *connection, const struct request *request);

#endif
