/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void accounts_init(struct accounts *accounts)
{
	index_init(&accounts->index);
}

void accounts_finish(struct accounts *accounts)
{
	struct index_node *node;

	while ((node = index_pop(&accounts->index)))
		free(index_entry(node, struct account, node));
	index_finish(&accounts->index);
}

static struct account *find(const struct accounts *accounts, const uint8_t key[16], uint64_t hash)
{
	struct index_node *node = index_first(&accounts->index, hash);

	for (; node; node = index_next(node)) {
		struct account *account = index_entry(node, struct account, node);

		if (memcmp(account->key, key, sizeof(account->key)) == 0)
			return account;
	}
	return NULL;
}

int accounts_get(struct accounts *accounts, const struct speaker *speaker, struct account **ret)
{
	uint64_t hash = index_hash(&accounts->index, speaker->account, sizeof(speaker->account));
	struct account *account = speaker->charged ? find(accounts, speaker->account, hash) : NULL;

	if (speaker->charged && !account) {
		account = calloc(1, sizeof(*account));
		if (!account)
			return -ENOMEM;
		memcpy(account->key, speaker->account, sizeof(account->key));
		account->boots_max =
		    speaker->certified ? ACCOUNT_CERTIFICATE_BOOTS_MAX : ACCOUNT_ADDRESS_BOOTS_MAX;
		if (index_insert(&accounts->index, &account->node, hash) < 0) {
			free(account);
			return -ENOMEM;
		}
	}
	*ret = account;
	return 0;
}

void accounts_release(struct accounts *accounts, struct account *account)
{
	if (!account || account->boots > 0)
		return;
	index_remove(&accounts->index, &account->node);
	free(account);
}
