/* SPDX-License-Identifier: Apache-2.0 */
/* Day and hour are folders of their own, because every reader of hive partitions can then leave out what a query does
 * not ask for; a class has its own folder, because one file must have one schema. */
#include "collector/lake/partition.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_HOUR (3600ll * 1000000000ll)

/* int64 nanoseconds end in the year 2262, so that the year has four digits without a check. */
struct partition partition_at(enum lake_class class, int64_t wall_ns)
{
	return (struct partition){.class = class, .hour = wall_ns < 0 ? 0 : wall_ns / NS_PER_HOUR};
}

void partition_folder(struct partition partition, char out[PARTITION_FOLDER_MAX])
{
	static const char *const names[] = {
		[LAKE_PROCESS_ACTIVITY] = "process_activity",
		[LAKE_GAP] = "gap",
	};
	time_t seconds = (time_t)(partition.hour * 3600);
	char day[24] = "";
	struct tm utc;

	(void)gmtime_r(&seconds, &utc);
	(void)strftime(day, sizeof(day), "day=%Y-%m-%d/hour=%H", &utc);
	(void)snprintf(out, PARTITION_FOLDER_MAX, "class=%s/%s", names[partition.class], day);
}
