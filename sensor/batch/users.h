/* SPDX-License-Identifier: Apache-2.0 */
/* Names of user ids as the host resolves them (NSS, so also users that a directory serves), remembered for a while. */
#ifndef CANOPY_SENSOR_BATCH_USERS_H
#define CANOPY_SENSOR_BATCH_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

#define USERS_MAX 1024u                  /* ids remembered at a time; the one looked at longest ago in its slot goes */
#define USERS_KEEP_NS 60000000000ull     /* a changed name shows after a minute */

struct users;

/* Writes the name of uid into name, at most size bytes, and returns its length; 0 when there is none. */
typedef size_t users_lookup(uint32_t uid, char *name, size_t size);

int users_create(struct users **ret); /* -ENOMEM */
/* With another source of names than the host's. */
int users_create_with(struct users **ret, users_lookup *lookup);
void users_destroy(struct users *users); /* takes NULL */

/* The name, borrowed until the next call; empty when there is none. now_ns: boottime. */
struct bytes users_name(struct users *users, uint32_t uid, uint64_t now_ns);

#endif
