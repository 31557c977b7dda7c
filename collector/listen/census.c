/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/listen/census.h"

#include <stdlib.h>
#include <string.h>

/* Connections of one address. */
struct census_address {
	struct index_node node;
	uint8_t key[16];
	uint32_t count, securing;
};

int census_init(struct census *census)
{
	index_init(&census->addresses);
	census->connections = 0;
	return uv_mutex_init(&census->mutex);
}

void census_finish(struct census *census)
{
	struct index_node *node;

	while ((node = index_pop(&census->addresses)))
		free(index_entry(node, struct census_address, node));
	index_finish(&census->addresses);
	uv_mutex_destroy(&census->mutex);
}

static struct census_address *find(struct census *census, const uint8_t key[16])
{
	struct index_node *node = index_first(&census->addresses, index_hash(&census->addresses, key, 16));

	for (; node; node = index_next(node)) {
		struct census_address *address = index_entry(node, struct census_address, node);

		if (memcmp(address->key, key, 16) == 0)
			return address;
	}
	return NULL;
}

static struct census_address *make(struct census *census, const uint8_t key[16])
{
	struct census_address *address = calloc(1, sizeof(*address));

	if (!address)
		return NULL;
	memcpy(address->key, key, 16);
	if (index_insert(&census->addresses, &address->node, index_hash(&census->addresses, key, 16)) < 0) {
		free(address);
		return NULL;
	}
	return address;
}

void census_come(struct census *census, const uint8_t key[16], bool securing, struct census_counts *ret)
{
	struct census_address *address;

	uv_mutex_lock(&census->mutex);
	address = find(census, key);
	if (!address)
		address = make(census, key);
	*ret = (struct census_counts){.of_address = UINT32_MAX, .of_all = ++census->connections};
	if (address) {
		ret->of_address = ++address->count;
		ret->securing = address->securing += securing;
	}
	uv_mutex_unlock(&census->mutex);
}

void census_secured(struct census *census, const uint8_t key[16])
{
	struct census_address *address;

	uv_mutex_lock(&census->mutex);
	address = find(census, key);
	if (address && address->securing > 0) /* it may have come when there was no memory to count it */
		address->securing--;
	uv_mutex_unlock(&census->mutex);
}

void census_go(struct census *census, const uint8_t key[16])
{
	struct census_address *address;

	uv_mutex_lock(&census->mutex);
	address = find(census, key);
	if (address && --address->count == 0) {
		index_remove(&census->addresses, &address->node);
		free(address);
	}
	census->connections--;
	uv_mutex_unlock(&census->mutex);
}
