/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/stats: the collector's own figures, for people and scripts; /metrics has them for Prometheus. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_STATS_H
#define CANOPY_COLLECTOR_CONSOLE_API_STATS_H

#include <stdint.h>

#include "collector/console/api/host.h"

#define STATS_SINKS_MAX 16u

struct api;
struct connection;
struct request;

void stats_show(struct api *api, struct connection *connection, const struct request *request);
/* How many host boots are in which state. */
void stats_count_hosts(const struct fleet *fleet, uint64_t ret[HOST_STATES]);

#endif
