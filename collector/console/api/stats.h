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
/* What follows goes inside the fleet by itself. How many host boots are in which state. */
void stats_count_hosts(const struct fleet *fleet, uint64_t ret[HOST_STATES]);
/* All forests together. */
void stats_forest(const struct fleet *fleet, struct forest_stats *ret);

struct stats_journal {
	uint64_t first, durable; /* positions; 0 in sums */
	uint64_t bytes, pending_bytes, commits, commit_ns;
};
void stats_journal(const struct fleet *fleet, size_t shard, struct stats_journal *ret);
void stats_journals(const struct fleet *fleet, struct stats_journal *ret);

#endif
