/* SPDX-License-Identifier: Apache-2.0 */
/* What one fact says of the image that a process ran. */
#ifndef CANOPY_COLLECTOR_FOREST_IMAGE_H
#define CANOPY_COLLECTOR_FOREST_IMAGE_H

#include "collector/forest/pool.h"

/* In flags, beside enum fact_flag. */
#define IMAGE_SNAPSHOT (1u << 31) /* seen running, not executed under our eyes */
#define IMAGE_TAILED (1u << 30)   /* argv is followed by what is seldom told: variables, and its true length where that is another */
#define IMAGE_ERA_SHIFT 16       /* eight bits: by which clock it was told (eras.h) */
#define IMAGE_FACT_FLAGS 0xffffu /* what is left for enum fact_flag */

struct image {
	uint64_t time_ns;
	uint32_t seq; /* as the sensor counts: from the fork, or from its own snapshot */
	uint32_t flags;
	struct program *program; /* references held; NULL = unknown */
	struct text *argv, *cwd, *comm;
};

/* Two sensors stamp one exec with two readings of the clock, one after the other in the same hook. Two tellings are one
 * exec when they agree in ordinal and file and are this close, which leaves room for a preempted hook and for a virtual CPU that
 * its host takes away in between for some slices of time (seen: more than a millisecond), … */
#define IMAGE_SAME_SEQ_NS 20000000ull
/* … or, since a sensor that came later counts its ordinals from its own snapshot, when file and comm agree and they are
 * this close: an exec itself takes longer. */
#define IMAGE_SAME_FILE_NS 100000ull

/* Whether a fact of this kind tells of an image. */
static inline bool image_told(const struct fact *fact)
{
	return fact->type == FACT_EXEC ||
	       (fact->type == FACT_SNAPSHOT && fact->flags & (FACT_EXE_KNOWN | FACT_ARGV_KNOWN));
}

/* The fact's image will be made soon: what that will look at is fetched into the cache meanwhile. */
void image_expect(struct pool *pool, const struct fact *fact);
/* Errors: -ENOMEM; *ret is then untouched. */
int image_make(struct pool *pool, const struct fact *fact, uint8_t era, struct image *ret);
void image_release(struct pool *pool, struct image *image);
/* A second holder of everything. */
struct image image_ref(const struct image *image);
/* Total order: by time, kind, ordinal, content. 0 = one and the same telling. */
int image_compare(const struct image *a, const struct image *b);
/* Whether two execs, b not before a, are one that was told twice. */
bool image_same_exec(const struct image *a, const struct image *b);
size_t image_charge(const struct image *image);

static inline uint8_t image_era(const struct image *image)
{
	return (uint8_t)(image->flags >> IMAGE_ERA_SHIFT);
}

struct bytes image_argv(const struct image *image);
/* Selected variables, as in struct fact. */
struct bytes image_environ(const struct image *image);
/* The true length, of which image_argv may hold the beginning. */
uint64_t image_argv_bytes(const struct image *image);

static inline bool image_is_snapshot(const struct image *image)
{
	return image->flags & IMAGE_SNAPSHOT;
}

#endif
