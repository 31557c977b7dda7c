/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials, namespaces and cgroup as one byte string, so that contexts are held once like any other text, and compare by content. */
#ifndef CANOPY_COLLECTOR_FOREST_PACK_H
#define CANOPY_COLLECTOR_FOREST_PACK_H

#include "canopy/arena.h"
#include "canopy/fact.h"

/* The packed form lies in the arena. Errors: -ENOMEM. */
int context_pack(struct arena *arena, const struct fact_context *context, struct bytes *ret);
/* Strings of *ret point into packed, which must come from context_pack. */
void context_unpack(struct bytes packed, struct fact_context *ret);

#endif
