/* SPDX-License-Identifier: Apache-2.0 */
/* All that was told of the images of one process, by time: a set that only grows, which is what makes it a join. What
 * is shown, one image an exec however many sensors told it, is derived from the set when asked (images_show).
 *
 * Bounded as joins: of the execs the newest IMAGES_EXECS_MAX are kept; of the snapshots, which repeat, the first, the
 * last, and the first of each of the IMAGES_ORDINALS_MAX greatest ordinals, which may be of execs that were lost. */
#ifndef CANOPY_COLLECTOR_FOREST_IMAGES_H
#define CANOPY_COLLECTOR_FOREST_IMAGES_H

#include "collector/forest/image.h"

/* Shells and wrappers exec a handful of times; one that execs for ever must not grow for ever. */
#define IMAGES_EXECS_MAX 64u
#define IMAGES_ORDINALS_MAX 8u
#define IMAGES_MAX (IMAGES_EXECS_MAX + IMAGES_ORDINALS_MAX + 2u)
#define IMAGES_SHOWN_MAX (IMAGES_MAX + 1u) /* the inherited one before */

struct images {
	uint16_t count, capacity, execs;
	struct image items[];
};

/* Makes room for one more telling; *images may be NULL. Errors: -ENOMEM. */
int images_reserve(struct images **images, struct memory *memory);
/* Takes over the image, for which room was reserved, or releases it when it adds nothing. Returns how many more (or,
 * when a telling ties two together, fewer) execs are now distinguished; ret_news: whether an exec, or a snapshot's
 * other file, was not known. */
int images_add(struct images *images, struct pool *pool, struct image *image, bool *ret_news);
void images_destroy(struct images *images, struct pool *pool); /* takes NULL */
size_t images_charge(const struct images *images);             /* takes NULL */

struct image_shown {
	const struct image *image;
	uint32_t seq;
};

/* The images of the process, oldest first, numbered without repetition. base: the image that it inherited, NULL =
 * unknown. Returns their number. *ret_lost: an ordinal is missing, or a snapshot shows a file that no known exec
 * explains. images may be NULL. */
size_t images_show(const struct images *images, const struct image *base, struct image_shown out[IMAGES_SHOWN_MAX],
		   bool *ret_lost);

#endif
