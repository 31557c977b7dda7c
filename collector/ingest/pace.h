/* SPDX-License-Identifier: Apache-2.0 */
/* How fast sensors may bring batches when the disk or memory cannot keep up: their spools then hold what waits, in place of
 * the connections between. Decided by looking about once a second; no I/O, no clock.
 *
 * Beyond this, ingest stops reading altogether while too much waits (INGEST_PENDING_HIGH): that bounds memory at any
 * moment, this makes the moment rare. */
#ifndef CANOPY_COLLECTOR_INGEST_PACE_H
#define CANOPY_COLLECTOR_INGEST_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Under pressure is a shard above HIGH, or above LOW for so long that the disk is not just busy; at ease is one below LOW whose batches wait
 * for less; in between nothing changes. The wait alone tells nothing: where a disk stalls under few bytes, one commit takes all that waits, and
 * fewer batches would be no sooner on disk, only later here. */
#define PACE_PENDING_HIGH ((size_t)4 << 20) /* bytes that wait for the disk: half of what stops the reading */
#define PACE_PENDING_LOW ((size_t)1 << 20)
#define PACE_WAIT_HIGH_NS 500000000ull /* age of the oldest batch that waits */
#define PACE_CALM_LOOKS 3u /* at ease for so long before the rate is doubled: a disk that stalls by turns stays paced */
#define PACE_RAISES 6u     /* after so many doublings the limit goes: sixty times the rate was no trouble */
#define PACE_EASE 0.9      /* of what the disk took lately: a little less, so that what waits goes down */

struct pace {
	uint32_t rate; /* batches a second, all sensors together; 0 = no limit */
	unsigned calm, raises;
};

struct pace_look {
	size_t pending_bytes;
	uint64_t oldest_wait_ns;
	bool stopped;        /* reading has been stopped since the last look, or is */
	bool memory_tight;   /* receive buffers are above three quarters of their bound */
	uint64_t durable;    /* batches that became durable since the last look */
	uint64_t elapsed_ns; /* since then */
};

/* Returns whether the rate has changed. */
bool pace_decide(struct pace *pace, const struct pace_look *look);

#endif
