/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines resumed from one memory snapshot share a boot id. What they do from then on contradicts itself, as the doings of
 * one kernel never do. */
#ifndef CANOPY_COLLECTOR_INGEST_CLONES_H
#define CANOPY_COLLECTOR_INGEST_CLONES_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/forest/forest.h"
#include "proto/batch/decoder.h"

#define CLONES_OUTCASTS_MAX 16u /* streams of one boot that are remembered as another machine's; the oldest gives way */

/* Streams whose facts contradict those of the sensor that came first. */
struct clones {
	uint64_t outcasts[CLONES_OUTCASTS_MAX];
	unsigned count;
	uint64_t contradictions; /* found */
};

/* Whether a process of the batch did something after another one with its pid had begun: a pid is given out again only when
 * its process has ended. Two sensors of one kernel never say such things. */
bool clones_contradict(const struct forest_host *host, const struct batch *batch);

bool clones_is_outcast(const struct clones *clones, uint64_t stream);
void clones_cast_out(struct clones *clones, uint64_t stream);

#endif
