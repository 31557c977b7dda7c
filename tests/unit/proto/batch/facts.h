/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for tests: random ones that visit the extremes of every field, and a plain one. */
#ifndef TESTS_UNIT_PROTO_BATCH_FACTS_H
#define TESTS_UNIT_PROTO_BATCH_FACTS_H

#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/fact.h"

/* A repeatable stream of numbers. */
struct random {
	uint64_t state;
};

uint64_t random_next(struct random *random);
/* In [0, bound). */
uint64_t random_below(struct random *random, uint64_t bound);

/* A random fact with its context and strings in the arena, canonical: what the fields' comments in fact.h exclude (a
 * start time of no process, an image at a fork) does not occur, everything else does. Values repeat often, so that
 * tables have work. */
void facts_random(struct random *random, struct arena *arena, struct fact *ret);

/* bash (tgid 100) by user 1000 doing type at time_ns; for an exec: /usr/bin/ls with argv ls -l. */
struct fact facts_plain(enum fact_type type, uint64_t time_ns);

/* NULL when a and b say the same, the name of the first field that differs otherwise. */
const char *facts_difference(const struct fact *a, const struct fact *b);

#endif
