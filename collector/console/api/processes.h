/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/processes: those that a filter asks for, page by page. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_PROCESSES_H
#define CANOPY_COLLECTOR_CONSOLE_API_PROCESSES_H

struct api;
struct connection;
struct request;

void processes_list(struct api *api, struct connection *connection, const struct request *request);

#endif
