/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/events: server-sent events, out of the journal. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_EVENTS_H
#define CANOPY_COLLECTOR_CONSOLE_API_EVENTS_H

struct api;
struct connection;
struct request;

#define EVENTS_RETRY_MS 1000u /* what browsers wait before they connect again */

void events_follow(struct api *api, struct connection *connection, const struct request *request);
/* There is something new to be told: in the journal, or of a host. */
void events_wake(struct api *api);

#endif
