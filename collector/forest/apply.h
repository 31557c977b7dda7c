/* SPDX-License-Identifier: Apache-2.0 */
/* Joining one fact, without what goes with news. */
#ifndef CANOPY_COLLECTOR_FOREST_APPLY_H
#define CANOPY_COLLECTOR_FOREST_APPLY_H

#include "collector/forest/host.h"

/* Errors: -EINVAL (no fact about a process). */
int apply_check(const struct fact *fact);
/* After evict_for_room. era: by which clock it was told. Errors: -ENOMEM, -ENOSPC; the host is then as before. */
int apply_join(struct forest_host *host, const struct fact *fact, uint8_t era, bool *ret_new);

#endif
