/* SPDX-License-Identifier: Apache-2.0 */
/* One fact as one OCSF 1.8.0 event of the class Process Activity (1007); one loss as one Base Event (0). docs/lake.md
 * holds the mapping. */
#ifndef CANOPY_COLLECTOR_LAKE_OCSF_H
#define CANOPY_COLLECTOR_LAKE_OCSF_H

#include "canopy/arena.h"
#include "canopy/fact.h"
#include "collector/forest/forest.h"
#include "proto/model/json.h"

#define OCSF_VERSION "1.8.0"
#define OCSF_ANCESTORS_MAX 32 /* a row has to end somewhere; real trees are below 20 deep */

/* Where a fact was found. */
struct ocsf_source {
	const struct boot_id *boot;
	const struct forest_host *host;      /* NULL = the forest does not know this boot */
	const struct forest_host_info *info; /* of host; NULL when host is */
	int64_t received_wall_ns, boottime_to_wall_ns;
	uint64_t stream, seq; /* of the batch */
	uint64_t position;    /* in the journal */
	size_t index;         /* of the fact in the batch, below 65536 */
};

/* Appends the event for the fact. What the forest knows of relatives is taken from there, at the time of the fact;
 * evicted ones are left out. The arena is scratch. Without memory json is failed. */
void ocsf_fact_write(struct json *json, const struct ocsf_source *source, const struct fact *fact, struct arena *arena);

/* Appends the event for facts that one host lost. */
void ocsf_gap_write(struct json *json, const struct ocsf_source *source, const struct gap *gap);

/* Appends the event for journal positions from..to that could not be read; wall_ns: when that was seen. */
void ocsf_hole_write(struct json *json, uint64_t from, uint64_t to, int64_t wall_ns);

#endif
