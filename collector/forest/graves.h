/* SPDX-License-Identifier: Apache-2.0 */
/* Who was evicted last: so that a fact which comes once more, long after, is known to be told, and does not raise
 * anybody from the dead. A bounded, forgetful memory of fingerprints. */
#ifndef CANOPY_COLLECTOR_FOREST_GRAVES_H
#define CANOPY_COLLECTOR_FOREST_GRAVES_H

#include <stdbool.h>

#include "canopy/identity.h"
#include "collector/forest/memory.h"

#define GRAVES_MAX (1u << 18) /* of the whole forest: 1 MiB, minutes of the busiest fleet */
#define GRAVES_WAYS 4u        /* in one set of these the oldest is overwritten */

struct graves {
	uint32_t *marks; /* owned; NULL until somebody is evicted; 0 = free */
	uint64_t seed;
};

void graves_finish(struct graves *graves, struct memory *memory);
/* Without memory nobody is remembered. host: a number that tells host boots apart. */
void graves_add(struct graves *graves, struct memory *memory, uint64_t host, struct process_key key);
/* Wrong once in a thousand million times. */
bool graves_have(const struct graves *graves, uint64_t host, struct process_key key);

#endif
