/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of sorted lists between two of their pages: the next page goes on where the last one ended without looking at every
 * process again. A few are kept; whoever finds his gone has it made anew, so that no cursor runs out. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_RANKINGS_H
#define CANOPY_COLLECTOR_CONSOLE_API_RANKINGS_H

#include "canopy/bytes.h"
#include "collector/console/api/rank.h"

#define RANKINGS_KEPT 4u                     /* 5 MiB each: lists that are read page by page at the same time */
#define RANKINGS_KEEP_NS 60000000000ull      /* the one who reads has gone away */

struct ranking {
	char *question;         /* owned; NULL = free */
	size_t question_len;
	struct rank rank;       /* owned, in order */
	struct rank_entry last; /* of the last page */
	uint64_t kept_ns;
};

struct rankings {
	struct ranking slots[RANKINGS_KEPT];
};

void rankings_finish(struct rankings *rankings);

/* Moves what follows after in the list of that question to *ret. False when it is not there; *ret is then untouched. */
bool rankings_take(struct rankings *rankings, struct bytes question, const struct rank_entry *after, uint64_t now_ns,
		   struct rank *ret);
/* Keeps *rank (moved: it is RANK_NULL afterwards) for the page behind last. now_ns is of any clock that only goes on. */
void rankings_keep(struct rankings *rankings, struct bytes question, const struct rank_entry *last, uint64_t now_ns,
		   struct rank *rank);

#endif
