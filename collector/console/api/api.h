/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of the console. A new one is a row in api.c. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_API_H
#define CANOPY_COLLECTOR_CONSOLE_API_API_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "collector/console/api/rankings.h"
#include "collector/console/api/watch.h"
#include "collector/console/fleet.h"
#include "collector/console/http/connection.h"
#include "collector/console/http/server.h"

/* A body works this long before it lets the loop see to the others: ingest shares it. */
#define API_SLICE_NS 2000000u

struct api_options {
	bool metrics_without_hosts;
	unsigned followers_max;
};

struct follower;

struct api {
	const struct fleet *fleet;
	struct api_options options;
	const struct server *server;  /* for the figures; NULL when it is not there yet or gone */
	struct follower *followers;   /* list */
	unsigned follower_count;
	struct watch watch;           /* states of hosts, while somebody follows */
	struct rankings rankings;     /* sorted lists between their pages */
	void (*closed)(void *owner);
	void *closed_owner;
};

/* fleet must outlive it. Errors: -ENOMEM. */
int api_create(struct api **ret, const struct api_options *options, const struct fleet *fleet);
/* No body may be under way. closed is called on the loop. */
void api_close(struct api *api, void (*closed)(void *owner), void *owner);
void api_use_server(struct api *api, const struct server *server);

/* The journal of a shard has grown, or what is told of hosts has changed: followers look again. */
void api_wake(struct api *api);

void api_request(struct api *api, struct connection *connection, const struct request *request);

/* ns since 1970 by our clock */
int64_t api_now(void);

/* Answers with an error. hint may be NULL; message and hint are formatted by the caller. */
void api_fail(struct connection *connection, int status, const char *code, const char *message, const char *hint);
/* -ENOMEM and its like */
void api_fail_errno(struct connection *connection, int error);

#endif
