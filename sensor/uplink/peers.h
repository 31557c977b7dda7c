/* SPDX-License-Identifier: Apache-2.0 */
/* The collectors that a sensor may bring its batches to, best first, and which of them is next. No clock, no network.
 *
 *   - A connection that has been of use and breaks: the same collector once more, since a restart takes a moment.
 *   - Whatever fails before that, and every refusal: the next one, round and round.
 *   - A collector that asked to be left alone for a while is passed over meanwhile.
 *
 * Which address of a name is tried first goes round likewise ('first'). */
#ifndef CANOPY_SENSOR_UPLINK_PEERS_H
#define CANOPY_SENSOR_UPLINK_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/stream/address.h"

#define PEERS_MAX 8u /* collectors of one sensor: two or three are sense, the rest is room */

struct peer {
	struct address address;
	unsigned first;         /* of the addresses of its name, modulo their number */
	uint64_t not_before_ms; /* it asked for that; 0 = it did not */
};

struct peers {
	struct peer list[PEERS_MAX];
	size_t count, current;
};

enum peers_end {
	PEERS_UNREACHED, /* no connection came about */
	PEERS_FAILED,    /* connected, and yet of no use: no Welcome, a refusal, an end too soon */
	PEERS_ENDED,     /* ended after having been of use */
};

/* addresses are copied. count: 1 to PEERS_MAX. */
void peers_init(struct peers *peers, const struct address *addresses, size_t count);
/* How the attempt at the current one ended; asked_ms: it wants to be left alone for so long, 0 = it did not say. Makes
 * the one that is to be tried next the current one, and returns how long that must be waited for, 0 for most. */
uint64_t peers_next(struct peers *peers, enum peers_end end, uint32_t asked_ms, uint64_t now_ms);
/* One that is better than the current one, to be asked whether it is back; goes round among those with each call.
 * Returns its place, or PEERS_MAX when the current one is the best. */
size_t peers_better(const struct peers *peers, uint64_t turn, uint64_t now_ms);

#endif
