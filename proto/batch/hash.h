/* SPDX-License-Identifier: Apache-2.0 */
/* A seeded hash for the encoder's tables. Processes choose their arguments, so without a secret seed one of them could
 * make all strings of a batch collide. */
#ifndef CANOPY_PROTO_BATCH_HASH_H
#define CANOPY_PROTO_BATCH_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 hash_product;

/* Both halves of a 128-bit product: every bit of the input reaches every bit of the result. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	hash_product product = (hash_product)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const uint8_t *p, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, p, len);
	return word;
}

/* The last one to seven bytes by two loads that overlap, so that their number is no branch of its own. */
static inline uint64_t hash_load_tail(const uint8_t *p, size_t len)
{
	if (len >= 4)
		return hash_load(p, 4) | hash_load(p + len - 4, 4) << 32;
	return (uint64_t)p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16;
}

static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
	const uint8_t *p = data;
	uint64_t hash = seed ^ len;

	for (; len >= 8; p += 8, len -= 8)
		hash = hash_fold(hash ^ hash_load(p, 8), odd);
	if (len > 0)
		hash = hash_fold(hash ^ hash_load_tail(p, len), odd);
	return hash_fold(hash ^ seed, odd);
}

#endif
