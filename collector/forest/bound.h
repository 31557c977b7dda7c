/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a fact's strings is held. Sensors bound what they take; a peer that only claims to be one may put a whole frame
 * into each of a process's images. What is cut was cut the same way in every telling, so that joining stays a join; the journal and
 * the lakes have the fact as it came. */
#ifndef CANOPY_COLLECTOR_FOREST_BOUND_H
#define CANOPY_COLLECTOR_FOREST_BOUND_H

#include "canopy/fact.h"

/* Twice what a sensor takes: where it hides a secret, that may become longer. */
#define BOUND_ARGV_MAX (64u * 1024u)
#define BOUND_ENVIRON_MAX (16u * 1024u)
#define BOUND_TEXT_MAX (8u * 1024u + 1u) /* of any other: two paths and a slash, as a script is told below its cwd */

/* The fact, or, where a string of it is too long, room: that fact with as much of it as is held. Its context stays what it was:
 * that is known by its address, see bound_context. */
const struct fact *bound_fact(const struct fact *fact, struct fact *room);
const struct fact_context *bound_context(const struct fact_context *context, struct fact_context *room);

#endif
