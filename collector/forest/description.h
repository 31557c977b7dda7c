/* SPDX-License-Identifier: Apache-2.0 */
/* What a sensor's Hello says of its host boot, copied. */
#ifndef CANOPY_COLLECTOR_FOREST_DESCRIPTION_H
#define CANOPY_COLLECTOR_FOREST_DESCRIPTION_H

#include "collector/forest/memory.h"
#include "proto/wire/message.h"

/* One allocation with everything behind it. */
struct description {
	size_t size; /* of the whole allocation */
	uint64_t boottime_ns;
	int64_t offset_ns; /* boottime to wall */
	uint8_t machine_id[16];
	bool machine_id_known;
	struct bytes hostname, kernel, arch, sensor_version;
	size_t tag_count;
	struct bytes tags[]; /* key, value, … */
};

/* Errors: -ENOMEM. */
int description_create(struct description **ret, struct memory *memory, const struct hello *hello);
void description_destroy(struct description *description, struct memory *memory); /* takes NULL */
/* Total order: the newest by boottime, then by content. */
int description_compare(const struct description *a, const struct description *b);

#endif
