/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/tree: the forest in depth-first order, each node with its depth. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_TREE_H
#define CANOPY_COLLECTOR_CONSOLE_API_TREE_H

struct api;
struct connection;
struct request;

void tree_show(struct api *api, struct connection *connection, const struct request *request);

#endif
