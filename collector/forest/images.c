/* SPDX-License-Identifier: Apache-2.0 */
/* Why a set of tellings and not one cell an ordinal: ordinals do not name an exec. A sensor that was restarted counts
 * from one again, two sensors of one boot count from different beginnings; and 'close in time' is no equivalence, so
 * joining on arrival would let the order of arrival through. */
#include "collector/forest/images.h"

#include <errno.h>
#include <string.h>

static size_t size_of(uint32_t capacity)
{
	return sizeof(struct images) + capacity * sizeof(struct image);
}

int images_reserve(struct images **images, struct memory *memory)
{
	struct images *old = *images, *grown;
	uint32_t capacity = old ? old->capacity * 2u : 1;

	if (old && old->count < old->capacity)
		return 0;
	if (capacity > IMAGES_MAX + 1)
		capacity = IMAGES_MAX + 1; /* one over the bound while the loser is chosen */
	grown = memory_resize(memory, old, old ? size_of(old->capacity) : 0, size_of(capacity));
	if (!grown)
		return -ENOMEM;
	if (!old)
		*grown = (struct images){0};
	grown->capacity = (uint16_t)capacity;
	*images = grown;
	return 0;
}

void images_destroy(struct images *images, struct pool *pool)
{
	if (!images)
		return;
	for (unsigned i = 0; i < images->count; i++)
		image_release(pool, &images->items[i]);
	memory_free(&pool->memory, images, size_of(images->capacity));
}

size_t images_charge(const struct images *images)
{
	size_t charge = images ? memory_cost(size_of(images->capacity)) : 0;

	for (unsigned i = 0; images && i < images->count; i++)
		charge += image_charge(&images->items[i]) - sizeof(struct image);
	return charge;
}

static void drop(struct images *images, struct pool *pool, unsigned at)
{
	images->execs -= !image_is_snapshot(&images->items[at]);
	image_release(pool, &images->items[at]);
	images->count--;
	memmove(&images->items[at], &images->items[at + 1], (images->count - at) * sizeof(struct image));
}

/* Drops the oldest exec over the bound. Returns its place, or count when nothing was over. */
static bool bound_execs(struct images *images, struct pool *pool)
{
	unsigned at = 0;

	if (images->execs <= IMAGES_EXECS_MAX)
		return false;
	while (image_is_snapshot(&images->items[at]))
		at++;
	drop(images, pool, at);
	return true;
}

/* Whether no snapshot of the same ordinal stands before. */
static bool first_of_ordinal(const struct images *images, unsigned at)
{
	for (unsigned i = 0; i < at; i++) {
		if (image_is_snapshot(&images->items[i]) && images->items[i].seq == images->items[at].seq)
			return false;
	}
	return true;
}

/* Whether a snapshot is kept: the first one, the last one, or the first of an ordinal that is among the greatest. What
 * was dropped once would be dropped again, so the order of arrival does not matter. */
static bool keeps_snapshot(const struct images *images, unsigned at)
{
	unsigned before = 0, behind = 0, greater = 0;

	for (unsigned i = 0; i < images->count; i++) {
		if (i == at || !image_is_snapshot(&images->items[i]))
			continue;
		before += i < at;
		behind += i > at;
		greater += images->items[i].seq > images->items[at].seq && first_of_ordinal(images, i);
	}
	return !before || !behind || (greater < IMAGES_ORDINALS_MAX && first_of_ordinal(images, at));
}

static void bound_snapshots(struct images *images, struct pool *pool)
{
	for (unsigned i = images->count; i-- > 0;) {
		if (image_is_snapshot(&images->items[i]) && !keeps_snapshot(images, i))
			drop(images, pool, i);
	}
}

/* ---- telling execs apart ---------------------------------------------------------------------------------------- */

/* An exec as the clusters know it: the first telling stands for all. */
struct cluster {
	const struct image *image;
	uint32_t seq; /* the greatest: a sensor that was there from the fork on counts furthest */
};

static bool joins_exec(struct cluster *clusters, size_t count, const struct image *image)
{
	while (count-- > 0 && image->time_ns - clusters[count].image->time_ns <= IMAGE_SAME_SEQ_NS) {
		if (image_is_snapshot(clusters[count].image) || !image_same_exec(clusters[count].image, image))
			continue;
		if (image->seq > clusters[count].seq)
			clusters[count].seq = image->seq;
		return true;
	}
	return false;
}

static int count_execs(const struct images *images)
{
	struct cluster clusters[IMAGES_MAX + 1];
	size_t count = 0;

	for (unsigned i = 0; i < images->count; i++) {
		const struct image *image = &images->items[i];

		if (!image_is_snapshot(image) && !joins_exec(clusters, count, image))
			clusters[count++] = (struct cluster){image, image->seq};
	}
	return (int)count;
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

/* The first place whose telling is not before image. */
static unsigned place_of(const struct images *images, const struct image *image)
{
	unsigned at = images->count;

	while (at > 0 && image_compare(&images->items[at - 1], image) >= 0)
		at--;
	return at;
}

static void insert(struct images *images, unsigned at, struct image *image)
{
	memmove(&images->items[at + 1], &images->items[at], (images->count - at) * sizeof(struct image));
	images->items[at] = *image;
	images->count++;
	images->execs += !image_is_snapshot(image);
	*image = (struct image){0};
}

/* A snapshot is news when it shows another file than what was told last before it. */
static void add_snapshot(struct images *images, struct pool *pool, unsigned at, struct image *image, bool *ret_news)
{
	*ret_news = at > 0 && image->program && !program_same_file(images->items[at - 1].program, image->program);
	insert(images, at, image);
	bound_snapshots(images, pool);
}

int images_add(struct images *images, struct pool *pool, struct image *image, bool *ret_news)
{
	unsigned at = place_of(images, image);
	bool last = at == images->count;
	int before, more;

	*ret_news = false;
	if (at < images->count && image_compare(&images->items[at], image) == 0) {
		image_release(pool, image);
		return 0;
	}
	if (image_is_snapshot(image)) {
		add_snapshot(images, pool, at, image, ret_news);
		return 0;
	}
	if (last && (at == 0 || image->time_ns - images->items[at - 1].time_ns > IMAGE_SAME_SEQ_NS)) {
		insert(images, at, image); /* the usual case: an exec after all others */
		more = 1;
	} else {
		before = count_execs(images);
		insert(images, at, image);
		more = count_execs(images) - before;
	}
	*ret_news = more > 0;
	if (bound_execs(images, pool) && at == 0) {
		*ret_news = false; /* older than all that is kept: it may have been told before */
		more = 0;
	}
	return more;
}

/* ---- showing ----------------------------------------------------------------------------------------------------- */

/* Whether an exec that was told explains what a snapshot saw though it does not stand before it: a snapshot in the
 * midst of an exec sees half of it. */
static bool explained(const struct images *images, unsigned at)
{
	const struct image *seen = &images->items[at];

	for (unsigned i = 0; i < images->count; i++) {
		const struct image *exec = &images->items[i];
		bool close = (exec->time_ns > seen->time_ns ? exec->time_ns - seen->time_ns
							    : seen->time_ns - exec->time_ns) <= IMAGE_SAME_SEQ_NS;
		bool ordinal = seen->seq && exec->seq == seen->seq,
		     file = program_same_file(exec->program, seen->program);

		if (!image_is_snapshot(exec) && ((close && (ordinal || file)) || (ordinal && file)))
			return true;
	}
	return false;
}

/* The inherited image stands before the process's own execs and is none of them. */
static bool adds(const struct images *images, unsigned at, struct cluster *clusters, size_t count, size_t inherited)
{
	const struct image *image = &images->items[at];

	if (!image_is_snapshot(image))
		return !joins_exec(clusters + inherited, count - inherited, image);
	return !(count && (!image->program || program_same_file(clusters[count - 1].image->program, image->program))) &&
	       !explained(images, at);
}

/* Counts up without repetition; an ordinal that is passed over was lost. */
static bool number(const struct cluster *clusters, size_t count, bool inherited, struct image_shown *out)
{
	bool lost = false;

	for (size_t i = 0; i < count; i++) {
		const struct cluster *c = &clusters[i];
		bool snapshot = image_is_snapshot(c->image);
		uint32_t next = i ? out[i - 1].seq + 1 : snapshot || inherited ? 0 : 1;
		uint32_t seq = c->seq > next ? c->seq : next;

		/* a snapshot that stands first says where counting began; one that stands later shows an exec that
		 * nobody told */
		lost |= i ? snapshot || seq > next : !snapshot && seq > next;
		out[i] = (struct image_shown){c->image, seq};
	}
	return lost;
}

size_t images_show(const struct images *images, const struct image *base, struct image_shown out[IMAGES_SHOWN_MAX],
		   bool *ret_lost)
{
	struct cluster clusters[IMAGES_SHOWN_MAX];
	size_t count = 0;

	if (base)
		clusters[count++] = (struct cluster){base, 0};
	for (unsigned i = 0; images && i < images->count; i++) {
		if (adds(images, i, clusters, count, base != NULL))
			clusters[count++] = (struct cluster){&images->items[i], images->items[i].seq};
	}
	*ret_lost = number(clusters, count, base != NULL, out);
	return count;
}
