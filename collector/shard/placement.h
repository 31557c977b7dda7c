/* SPDX-License-Identifier: Apache-2.0 */
/* Which shard owns a host boot. A boot id is hashed to its home; but one whose facts already lie in another shard, since
 * the state folder was begun with fewer shards, stays where it is for as long as anything of it is held there: so all
 * that is known of a boot is in one place, and nothing is ever moved on disk. */
#ifndef CANOPY_COLLECTOR_SHARD_PLACEMENT_H
#define CANOPY_COLLECTOR_SHARD_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/identity.h"

struct placement_stray {
	struct boot_id boot;
	uint32_t shard;
};

/* Filled before the shards' threads go on, read by all of them afterwards. */
struct placement {
	size_t shards;
	struct placement_stray *strays; /* owned; in order of their boot ids once sealed */
	size_t stray_count, stray_capacity;
};

void placement_init(struct placement *placement, size_t shards);
void placement_finish(struct placement *placement);
/* The shard holds facts of this boot. Errors: -ENOMEM. */
int placement_add(struct placement *placement, const struct boot_id *boot, size_t shard);
/* Nothing is added any more. */
void placement_seal(struct placement *placement);

size_t placement_of(const struct placement *placement, const struct boot_id *boot);

#endif
