/* SPDX-License-Identifier: Apache-2.0 */
/* The host boots of a shard as ingest makes and forgets them: forest, link and streams of a boot come and go together.
 *
 * A boot that is over is of use as long as there is room for it. When the table is nearly full the ones that were heard of
 * longest ago go, and so does what retention has taken all records of. Nothing of that is journaled: what the journal still
 * has of a boot that was forgotten may come back at a restart, and is forgotten again. */
#ifndef CANOPY_COLLECTOR_INGEST_HOSTS_H
#define CANOPY_COLLECTOR_INGEST_HOSTS_H

#include "collector/forest/forest.h"
#include "collector/ingest/accounts.h"
#include "collector/ingest/links.h"
#include "collector/ingest/streams.h"

/* A boot that is over is kept for so long after its last word: what its sensor, or that of the next boot, sends again after
 * a lost connection must still be known. Ten times a sensor's usual backoff, and as long as a collector may ask for. */
#define HOSTS_QUIET_NS 600000000000ll
/* A host that was not heard of for so long is gone, whatever lived there: machines that are thrown away say nothing. */
#define HOSTS_SILENT_NS (7ll * 86400 * 1000000000)
#define HOSTS_NEAR 16u  /* of its bound a table is nearly full when less than this part is free, */
#define HOSTS_GROUP 64u /* and then that part of the bound goes at once: looking for the oldest costs a walk over all */
#define HOSTS_RETRY_NS 1000000000u /* when nothing could go */

struct hosts {
	struct forest *forest; /* these three borrowed */
	struct streams *streams;
	struct links *links;
	struct accounts accounts;
	uint64_t keep_from; /* those restored at this position or later stay; 0 = none in particular */
	uint64_t retry_ns;  /* not before then, by uv_hrtime */
	uint64_t forgotten; /* so far */
};

void hosts_init(struct hosts *hosts, struct forest *forest, struct streams *streams, struct links *links);
void hosts_finish(struct hosts *hosts);

/* The boot, made when it is new; others may go for it. speaker: who is charged for a new one, NULL = nobody. now_ns: our wall
 * clock. Errors: -ENOMEM, -ENOSPC (nothing here is over), -EDQUOT (the speaker has brought too many). */
int hosts_get(struct hosts *hosts, const struct boot_id *boot, const struct speaker *speaker, int64_t now_ns,
	      struct forest_host **ret, struct link **ret_link);
/* Forgets those that are over and have no record at first or behind it. */
void hosts_expire(struct hosts *hosts, uint64_t first, int64_t now_ns);

#endif
