/* SPDX-License-Identifier: Apache-2.0 */
/* Makes memory of a forest ready on the thread pool before a batch needs it: on a virtual machine a first touch of 2 MiB can hold up
 * a loop, and all acks behind it, for five milliseconds. */
#ifndef CANOPY_COLLECTOR_SHARD_PREFAULT_H
#define CANOPY_COLLECTOR_SHARD_PREFAULT_H

#include <stdbool.h>
#include <uv.h>

#include "collector/forest/forest.h"

/* Zeroed to begin with. */
struct prefault {
	uv_work_t work;
	struct forest *forest;
	void *region;
	bool busy;
};

/* On the loop of the forest's shard: begins where the forest wants it and none is under way. The forest has to outlive the loop. */
void prefault_turn(struct prefault *prefault, uv_loop_t *loop, struct forest *forest);

#endif
