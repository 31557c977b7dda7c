/* SPDX-License-Identifier: Apache-2.0 */
/* How many host boots somebody has brought: whoever makes up boots shall crowd out his own, not those of others. */
#ifndef CANOPY_COLLECTOR_INGEST_ACCOUNTS_H
#define CANOPY_COLLECTOR_INGEST_ACCOUNTS_H

#include "collector/ingest/index.h"
#include "collector/ingest/speaker.h"

/* Of one shard. A certificate is one host's, of up to CERTIFICATE_NAMES_MAX names: eight boots of each. */
#define ACCOUNT_CERTIFICATE_BOOTS_MAX 64u
/* Without certificates: a whole site may stand behind one address translator, with five boots of each of its
 * LISTENER_PER_ADDRESS_MAX hosts; and it is a quarter of what a shard takes. */
#define ACCOUNT_ADDRESS_BOOTS_MAX 5000u

struct account {
	struct index_node node;
	uint8_t key[16];
	uint32_t boots, boots_max;
	uint64_t retry_ns; /* nothing of it could be forgotten: not before then, by uv_hrtime */
};

struct accounts {
	struct index index; /* of struct account, owned; those with boots */
};

void accounts_init(struct accounts *accounts);
void accounts_finish(struct accounts *accounts);
/* *ret is NULL for who is not charged. Errors: -ENOMEM. */
int accounts_get(struct accounts *accounts, const struct speaker *speaker, struct account **ret);
/* Takes NULL. One without boots goes. */
void accounts_release(struct accounts *accounts, struct account *account);

#endif
