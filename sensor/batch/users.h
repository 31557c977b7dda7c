/* SPDX-License-Identifier: Apache-2.0 */
/* Names of user ids as the host resolves them, remembered for a while.
 *
 * The rule: what /etc/passwd knows is there at once. Everything else is asked of NSS (a directory server, perhaps) by a thread of its own, and waited for
 * no longer than USERS_WAIT_NS; while an answer is overdue nobody waits at all. Until it comes facts go without the name, or with the one that was known
 * before; users_take_late tells when such a name has come. */
#ifndef CANOPY_SENSOR_BATCH_USERS_H
#define CANOPY_SENSOR_BATCH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

#define USERS_MAX 1024u                  /* ids remembered at a time; the one looked at longest ago in its slot goes */
#define USERS_KEEP_NS 60000000000ull     /* a changed name shows after a minute */
#define USERS_ASKED_MAX 64u              /* ids asked of NSS at a time; others go without a name and are asked again */
#define USERS_AGAIN_NS 1000000000ull     /* after so long */
#define USERS_WAIT_NS 50000000ull        /* a directory that answers gives the name to the very first fact; the ring holds far more than this */

struct users;

/* Writes the name of uid into name, at most size bytes, and returns its length; 0 when there is none, USERS_FAILED when that could not be found out. */
#define USERS_FAILED SIZE_MAX
typedef size_t users_lookup(uint32_t uid, char *name, size_t size);

/* Where names come from. */
struct users_source {
	users_lookup *files;     /* quick; on the caller's thread */
	users_lookup *directory; /* may take any time; on the thread of the users, one call at a time */
	uint64_t wait_ns;        /* for the directory */
};

int users_create(struct users **ret); /* -ENOMEM */
/* With another source of names than the host's. */
int users_create_with(struct users **ret, const struct users_source *source);
/* Waits for nothing: a lookup under way is left to its thread, which then frees what it shares. Takes NULL. */
void users_destroy(struct users *users);

/* The name, borrowed until the next call; empty when there is none, or none yet. now_ns: boottime. */
struct bytes users_name(struct users *users, uint32_t uid, uint64_t now_ns);

/* Whether, since the last call, a name has come for an id that had been told without one: what lives is to be told again. */
bool users_take_late(struct users *users);

#endif
