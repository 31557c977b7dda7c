/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/processes/ID and /api/v1/processes/ID/lineage. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_PROCESS_H
#define CANOPY_COLLECTOR_CONSOLE_API_PROCESS_H

#include "canopy/bytes.h"

struct api;
struct connection;
struct request;

/* A chain longer than this is cut at its root's end, and says so. */
#define LINEAGE_MAX 4096u

void process_show(struct api *api, struct connection *connection, struct bytes id);
void process_lineage(struct api *api, struct connection *connection, struct bytes id);

#endif
