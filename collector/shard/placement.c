/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/shard/placement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void placement_init(struct placement *placement, size_t shards)
{
	*placement = (struct placement){.shards = shards};
}

void placement_finish(struct placement *placement)
{
	free(placement->strays);
	*placement = (struct placement){0};
}

/* Boot ids are random, but a peer may make them up: mixed, so that no plain pattern meets one shard alone. */
static size_t home_of(const struct placement *placement, const struct boot_id *boot)
{
	uint64_t low, high;

	memcpy(&low, boot->octets, sizeof(low));
	memcpy(&high, boot->octets + sizeof(low), sizeof(high));
	low = (low ^ (high << 31 | high >> 33)) * 0x9e3779b97f4a7c15ull;
	low = (low ^ (low >> 32)) * 0xbf58476d1ce4e5b9ull;
	return (low ^ (low >> 29)) % placement->shards;
}

int placement_add(struct placement *placement, const struct boot_id *boot, size_t shard)
{
	if (home_of(placement, boot) == shard)
		return 0;
	if (placement->stray_count == placement->stray_capacity) {
		size_t capacity = placement->stray_capacity ? 2 * placement->stray_capacity : 64;
		struct placement_stray *strays = reallocarray(placement->strays, capacity, sizeof(*strays));

		if (!strays)
			return -ENOMEM;
		placement->strays = strays;
		placement->stray_capacity = capacity;
	}
	placement->strays[placement->stray_count++] = (struct placement_stray){*boot, (uint32_t)shard};
	return 0;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct boot_id)); /* the first member */
}

void placement_seal(struct placement *placement)
{
	if (placement->stray_count > 0)
		qsort(placement->strays, placement->stray_count, sizeof(*placement->strays), compare);
}

size_t placement_of(const struct placement *placement, const struct boot_id *boot)
{
	const struct placement_stray *stray = NULL;

	if (placement->stray_count > 0)
		stray = bsearch(boot, placement->strays, placement->stray_count, sizeof(*placement->strays), compare);
	return stray ? stray->shard : home_of(placement, boot);
}
