/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for: the parameters that the routes have in common, checked. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_QUERY_H
#define CANOPY_COLLECTOR_CONSOLE_API_QUERY_H

#include "canopy/arena.h"
#include "collector/console/filter/filter.h"
#include "collector/console/http/connection.h"
#include "proto/model/field.h"

#define QUERY_LIMIT_DEFAULT 1000u
#define QUERY_LIMIT_MAX 10000u

struct query {
	struct filter *filter;      /* owned, never NULL after query_read */
	int64_t since, until;       /* wall clock; INT64_MIN, INT64_MAX = no bound */
	uint32_t limit;
	const struct field *sort;   /* NULL: by host, then start */
	bool descending;
	bool exited, children;
	uint32_t depth;             /* UINT32_MAX = no bound */
	struct bytes host, cursor;  /* copies, owned; data NULL = not given */
	char *copies;               /* owned: what they point to */
};

/* Reads the parameters named in known (ended by NULL). Any other, and any that is wrong, is answered with 400 here, and
 * false returned; the query is then finished. */
bool query_read(struct query *query, struct connection *connection, const struct request *request,
		const char *const *known);
void query_finish(struct query *query);

#endif
