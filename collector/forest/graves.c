/* SPDX-License-Identifier: Apache-2.0 */
/* A set-associative table of 32-bit fingerprints, oldest out first within a set. */
#include "collector/forest/graves.h"

#include <string.h>

#define SETS (GRAVES_MAX / GRAVES_WAYS)

void graves_finish(struct graves *graves, struct memory *memory)
{
	memory_free(memory, graves->marks, GRAVES_MAX * sizeof(*graves->marks));
	graves->marks = NULL;
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
	return h ^ (h >> 31);
}

/* The set, and the fingerprint in it, which is never 0. */
static uint32_t *set_of(const struct graves *graves, uint64_t host, struct process_key key, uint32_t *ret_mark)
{
	uint64_t h = mix(mix(mix(graves->seed ^ host) ^ key.start_ns) ^ key.tgid);

	*ret_mark = (uint32_t)h | 1;
	return &graves->marks[(h >> 32) % SETS * GRAVES_WAYS];
}

void graves_add(struct graves *graves, struct memory *memory, uint64_t host, struct process_key key)
{
	uint32_t *set, mark;

	if (!graves->marks)
		graves->marks = memory_zalloc(memory, GRAVES_MAX * sizeof(*graves->marks));
	if (!graves->marks)
		return;
	set = set_of(graves, host, key, &mark);
	memmove(&set[1], &set[0], (GRAVES_WAYS - 1) * sizeof(*set));
	set[0] = mark;
}

bool graves_have(const struct graves *graves, uint64_t host, struct process_key key)
{
	const uint32_t *set;
	uint32_t mark;

	if (!graves->marks)
		return false;
	set = set_of(graves, host, key, &mark);
	for (unsigned i = 0; i < GRAVES_WAYS; i++) {
		if (set[i] == mark)
			return true;
	}
	return false;
}
