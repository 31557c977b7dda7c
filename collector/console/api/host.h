/* SPDX-License-Identifier: Apache-2.0 */
/* A host boot as it is shown: what the forest has joined and what its sensor's sessions say, brought together. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_HOST_H
#define CANOPY_COLLECTOR_CONSOLE_API_HOST_H

#include "collector/console/fleet.h"
#include "proto/model/json.h"

#define HOST_SILENT_AFTER_NS 10000000000 /* sensors say something every five seconds at the least */

enum host_state {
	HOST_LIVE,
	HOST_CATCHING_UP,
	HOST_SILENT,   /* not heard for HOST_SILENT_AFTER_NS: what is shown may have changed since */
	HOST_REBOOTED, /* a later boot of the machine is known */
	HOST_GONE,     /* its sensor said goodbye */
};
#define HOST_STATES 5u
extern const char *const host_state_words[HOST_STATES];

struct host_look {
	struct forest_host *host;
	struct forest_host_info info;
	struct fleet_link link;
	enum host_state state;
	uint64_t now_ns; /* its boottime now; 0 = not known */
};

/* Inside the fleet. now_ns: our wall clock. */
void host_look(const struct fleet *fleet, struct forest_host *host, int64_t now_ns, struct host_look *ret);
/* The object of /api/v1/hosts, or only its members. */
void host_write(struct json *json, const struct host_look *look);
void host_write_members(struct json *json, const struct host_look *look);
/* Whether text names it: host name, or boot_id or the beginning of it (PROCESS_REF_BOOT_MIN digits). */
bool host_is_named(const struct forest_host_info *info, struct bytes text);
/* A view that holds what is known of the host and no process, for filter_judge_host. */
struct process_view host_as_view(const struct forest_host_info *info);

/* Word of an enum fact_type; NULL for 0 and what is not known. */
const char *host_fact_word(uint32_t type);

/* GET /api/v1/hosts */
struct api;
struct connection;
struct request;
void hosts_list(struct api *api, struct connection *connection, const struct request *request);

#endif
