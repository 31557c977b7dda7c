/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that a row belongs to: hive-style, one class of rows, one hour of event wall time (UTC). */
#ifndef CANOPY_COLLECTOR_LAKE_PARTITION_H
#define CANOPY_COLLECTOR_LAKE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

enum lake_class {
	LAKE_PROCESS_ACTIVITY, /* OCSF 1007 */
	LAKE_GAP,              /* what is known to be missing */
};

struct partition {
	enum lake_class class;
	int64_t hour; /* since 1970, UTC */
};

#define PARTITION_FOLDER_MAX 64 /* bytes with NUL */

/* A host's clock may say anything: times before 1970 count as the first hour of 1970. */
struct partition partition_at(enum lake_class class, int64_t wall_ns);

/* Writes 'class=process_activity/day=2026-11-22/hour=09'. */
void partition_folder(struct partition partition, char out[PARTITION_FOLDER_MAX]);

static inline bool partition_equal(struct partition a, struct partition b)
{
	return a.class == b.class && a.hour == b.hour;
}

#endif
