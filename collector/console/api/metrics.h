/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: Prometheus' text format, version 0.0.4. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_METRICS_H
#define CANOPY_COLLECTOR_CONSOLE_API_METRICS_H

struct api;
struct connection;
struct request;

void metrics_show(struct api *api, struct connection *connection, const struct request *request);

#endif
