/* SPDX-License-Identifier: Apache-2.0 */
/* A machine: the host boots that tell the same machine id. A boot is over when another boot of its machine began after
 * it was last seen. Machines that run at the same time with one id are clones: they stay apart and none is closed. */
#ifndef CANOPY_COLLECTOR_FOREST_MACHINE_H
#define CANOPY_COLLECTOR_FOREST_MACHINE_H

#include "collector/forest/core.h"

struct machine {
	struct intern intern; /* first */
	uint8_t id[16];
	struct forest_host *hosts; /* by machine_next */
	int64_t elsewhere_ns;      /* latest beginning of a boot of it in another forest; INT64_MIN = none is known */
	bool dirty;                /* a clock of one of them moved since the last look */
};

/* The machine with this id, made when it is new. Errors: -ENOMEM. */
int machine_get(struct forest *forest, const uint8_t id[16], struct machine **ret);
/* NULL when none of its boots is here. */
struct machine *machine_find(const struct forest *forest, const uint8_t id[16]);
/* Latest beginning of its boots here. */
int64_t machine_latest(const struct machine *machine);
/* Moves the host to a machine; NULL = to none. A machine without hosts goes. */
void machine_move(struct forest_host *host, struct machine *machine);
/* Looks which boots are over, if something changed since the last look. */
void machine_look(struct machine *machine);

/* machine may be NULL. A boot that is alone cannot be over. */
static inline void machine_mark(struct machine *machine)
{
	if (machine)
		machine->dirty = true;
}

#endif
