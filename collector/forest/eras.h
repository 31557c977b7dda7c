/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock of one host boot over time. A clock that is set back must not move what happened before, so each cell
 * that has a moment remembers by which clock it was told. Clocks that agree to the second are one era; its first
 * telling stands for it, so that times which were shown once do not quiver with every batch. */
#ifndef CANOPY_COLLECTOR_FOREST_ERAS_H
#define CANOPY_COLLECTOR_FOREST_ERAS_H

#include "collector/forest/memory.h"

#define ERA_OTHER 255u /* beyond so many jumps of a clock the newest one has to do */

struct era {
	int64_t seconds;   /* of the offset: what makes it this era */
	uint64_t since_ns; /* boottime of the first telling */
	int64_t offset_ns; /* boottime to wall, as the first telling had it */
};

struct eras {
	struct era *items; /* owned; in order of arrival: the number is only a name */
	uint8_t count, capacity;
	uint8_t last; /* the one that was told last: nearly always the next one too */
};

void eras_finish(struct eras *eras, struct memory *memory);
/* The era of this offset, made when it is new. Errors: -ENOMEM. */
int eras_get(struct eras *eras, struct memory *memory, int64_t offset_ns, uint8_t *ret);
/* Notes that the era was told at this moment. */
void eras_note(struct eras *eras, uint8_t era, uint64_t boottime_ns, int64_t offset_ns);

#endif
