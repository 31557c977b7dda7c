// SPDX-License-Identifier: Apache-2.0
/* Open addressing: a snapshot asks a few thousand times and then throws everything away. */
#include "sensor/probe/known.h"

#include <errno.h>
#include <stdlib.h>

#define KNOWN_SIZE_MIN ((size_t)256)

void known_finish(struct known *known)
{
	free(known->slots);
	*known = KNOWN_NULL;
}

/* The slot of tgid, or the free one where it belongs. size is not 0. */
static struct known_slot *probe_slot(const struct known *known, uint32_t tgid)
{
	size_t at = (tgid * 2654435761u) & (known->size - 1);

	while (known->slots[at].key.tgid != 0 && known->slots[at].key.tgid != tgid)
		at = (at + 1) & (known->size - 1);
	return &known->slots[at];
}

static int grow(struct known *known)
{
	struct known bigger = {.size = known->size ? known->size * 2 : KNOWN_SIZE_MIN, .used = known->used};

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < known->size; i++)
		if (known->slots[i].key.tgid != 0)
			*probe_slot(&bigger, known->slots[i].key.tgid) = known->slots[i];
	free(known->slots);
	*known = bigger;
	return 0;
}

int known_add(struct known *known, struct process_key key, bool listed)
{
	struct known_slot *slot;

	if (key.tgid == 0)
		return 0;
	if ((known->used + 1) * 4 > known->size * 3) {
		int r = grow(known);

		if (r < 0)
			return r;
	}
	slot = probe_slot(known, key.tgid);
	if (slot->key.tgid == 0)
		known->used++;
	slot->listed = listed || (slot->listed && slot->key.start_ns == key.start_ns);
	slot->key = key;
	return 0;
}

const struct known_slot *known_find(const struct known *known, uint32_t tgid)
{
	const struct known_slot *slot = known->size ? probe_slot(known, tgid) : NULL;

	return slot && slot->key.tgid == tgid ? slot : NULL;
}
