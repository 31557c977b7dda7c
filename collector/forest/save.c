/* SPDX-License-Identifier: Apache-2.0 */
/* A process is told as the facts that its cells came from, as far as they still matter: joining them again gives the
 * same cells. A fact that is told for the sake of one cell speaks of nothing else: its context knows nothing, so that it
 * decides no other side. Where one fact filled several cells, which is the rule, it is told once. */
#include <errno.h>
#include <string.h>

#include "collector/forest/bound.h"
#include "collector/forest/core.h"
#include "collector/forest/family.h"

/* ---- the host boot ----------------------------------------------------------------------------------------------- */

static int save_eras(const struct forest_host *host, struct arena *arena, struct boot_state *ret)
{
	struct state_era *eras = arena_zalloc(arena, host->eras.count + 1u, sizeof(*eras));

	if (!eras)
		return -ENOMEM;
	for (unsigned i = 0; i < host->eras.count; i++)
		eras[i] = (struct state_era){host->eras.items[i].since_ns, host->eras.items[i].offset_ns};
	ret->eras = eras;
	ret->era_count = host->eras.count;
	return 0;
}

static int save_gaps(const struct forest_host *host, struct arena *arena, struct boot_state *ret)
{
	size_t count = (size_t)host->gaps.count + host->filtered.count;
	struct gap *gaps = arena_zalloc(arena, count + 1, sizeof(*gaps));

	if (!gaps)
		return -ENOMEM;
	for (uint32_t i = 0; i < host->gaps.count; i++)
		gaps[i] = host->gaps.items[i].gap;
	for (uint32_t i = 0; i < host->filtered.count; i++)
		gaps[host->gaps.count + i] = host->filtered.items[i].gap;
	ret->gaps = gaps;
	ret->gap_count = count;
	return 0;
}

/* Who ended before since_ns and nobody needs is not saved: as if it were evicted. */
static uint64_t horizon(const struct forest_host *host, uint64_t since_ns)
{
	const struct forest_node *first = slab_find(&host->slab, host->places[PLACE_SPENT].first);

	return first && since_ns > host->horizon_ns && node_end_ns(first) < since_ns ? since_ns : host->horizon_ns;
}

int forest_save_host(const struct forest_host *host, uint64_t since_ns, struct arena *arena, struct boot_state *ret)
{
	struct boot_state state = {
	    .boot = host->boot,
	    .evicted = host->evicted,
	    .horizon_ns = horizon(host, since_ns),
	    .snapshot_ns = host->snapshot_ns,
	    .clock_known = host->clock_known,
	    .clock_ns = host->clock_ns,
	    .boottime_to_wall_ns = host->offset_ns,
	    .fact_known = host->fact_known,
	    .first_fact_ns = host->first_fact_ns,
	    .first_fact_to_wall_ns = host_offset(host, host->first_fact_era),
	    .last_fact_ns = host->last_fact_ns,
	};

	memcpy(state.facts, host->facts, sizeof(state.facts));
	memcpy(state.lost, host->gaps.lost, sizeof(state.lost));
	if (save_eras(host, arena, &state) < 0 || save_gaps(host, arena, &state) < 0)
		return -ENOMEM;
	*ret = state;
	return 0;
}

bool forest_save_description(const struct forest_host *host, struct hello *ret)
{
	const struct description *d = host->description;

	if (!d)
		return false;
	*ret = (struct hello){
	    .protocol_version = PROTOCOL_VERSION,
	    .boot = host->boot,
	    .machine_id_known = d->machine_id_known,
	    .hostname = d->hostname,
	    .kernel = d->kernel,
	    .arch = d->arch,
	    .sensor_version = d->sensor_version,
	    .tags = (const struct tag *)(const void *)d->tags, /* key and value, one behind the other */
	    .tag_count = d->tag_count,
	    .boottime_ns = d->boottime_ns,
	    .boottime_to_wall_ns = d->offset_ns,
	};
	memcpy(ret->machine_id, d->machine_id, sizeof(ret->machine_id));
	return true;
}
_Static_assert(sizeof(struct tag) == 2 * sizeof(struct bytes), "key and value, one behind the other");

/* ---- processes --------------------------------------------------------------------------------------------------- */

/* Whether a parent who lives is known from this child alone, or from others who saw it no later. */
static bool vouches(const struct forest_node *node)
{
	const struct forest_host *host = slab_host_of(node);
	const struct forest_node *parent = host_node(host, node->parent);

	return parent && !(parent->flags & NODE_OWN) && parent->place == PLACE_LIVE &&
	       family_sight(host, node) == parent->newest.time_ns;
}

bool forest_save_wants(const struct forest_node *node, uint64_t since_ns)
{
	if (!(node->flags & NODE_OWN))
		return false; /* comes back with whoever speaks of it */
	return node->place != PLACE_SPENT || node_end_ns(node) >= since_ns || vouches(node);
}

/* Facets and images of a process are told once each. */
#define FACETS_MAX (CONTEXT_BITS + 4u) /* each one speaks of a side that no newer one does */

/* Beside its bytes an argument costs its tag, its length and its index: at worst seven bytes where it has two and a NUL. Of the texts
 * there are eight in a fact; what is told without an image is far less than what is left. */
#define LISTS_ENCODED_MAX (5u * (BOUND_ARGV_MAX + BOUND_ENVIRON_MAX) / 2u)
_Static_assert((IMAGES_MAX + 1u + FACETS_MAX) * (LISTS_ENCODED_MAX + 8u * BOUND_TEXT_MAX) <= FOREST_SAVED_NODE_MAX, "a process fits");

struct saver {
	const struct forest_node *node;
	const struct forest_host *host;
	const struct facet *facets[FACETS_MAX]; /* NULL = told; newest first */
	unsigned facet_count;
	uint64_t images_told[IMAGES_MAX / 64 + 1]; /* bits */
	bool exit_told, snapshot_told;
	uint32_t seq_told; /* the greatest ordinal */
	unsigned saved; /* enum forest_saved */
	forest_save_cb cb;
	void *owner;
	struct fact_context nothing;
};

static struct fact bare(const struct saver *saver, enum fact_type type, uint64_t time_ns)
{
	const struct forest_node *node = saver->node;

	return (struct fact){
	    .type = type,
	    .time_ns = time_ns,
	    .self = node_key(node),
	    .ns_tgid = node->ns_tgid,
	    .context = &saver->nothing,
	};
}

static void add_facet(struct fact *fact, const struct facet *facet)
{
	fact->parent = facet->parent;
	fact->pgid = facet->pgid;
	fact->sid = facet->sid;
	fact->tty = facet->tty;
	fact->context = &facet->context->value;
}

static void add_image(struct fact *fact, const struct image *image)
{
	fact->flags |= image->flags & IMAGE_FACT_FLAGS;
	fact->exec_seq = image->seq;
	fact->comm = text_bytes(image->comm);
	fact->cwd = text_bytes(image->cwd);
	fact->argv = image_argv(image);
	fact->argv_bytes = image_argv_bytes(image);
	fact->environ_ = image_environ(image);
	if (!image->program)
		return;
	fact->exe = text_bytes(image->program->exe);
	fact->script = text_bytes(image->program->script);
	fact->interpreter = text_bytes(image->program->interpreter);
	fact->exe_inode = image->program->inode;
	fact->exe_ctime_ns = image->program->ctime_ns;
	fact->exe_dev = image->program->dev;
	fact->exe_mode = image->program->mode;
	fact->exe_nlink = image->program->nlink;
}

/* The facet of a fact with this type and time, which is then told. */
static const struct facet *take_facet(struct saver *saver, enum fact_type type, uint64_t time_ns)
{
	for (unsigned i = 0; i < saver->facet_count; i++) {
		const struct facet *facet = saver->facets[i];

		if (facet && facet->type == type && facet->time_ns == time_ns) {
			saver->facets[i] = NULL;
			return facet;
		}
	}
	return NULL;
}

/* The image of a fact with this type and time, which is then told. */
static const struct image *take_image(struct saver *saver, enum fact_type type, uint64_t time_ns)
{
	const struct images *images = saver->node->images;

	for (unsigned i = 0; images && i < images->count; i++) {
		const struct image *image = &images->items[i];
		uint64_t bit = 1ull << i % 64;

		if (image->time_ns != time_ns || image_is_snapshot(image) != (type == FACT_SNAPSHOT) ||
		    saver->images_told[i / 64] & bit)
			continue;
		saver->images_told[i / 64] |= bit;
		return image;
	}
	return NULL;
}

static int tell(struct saver *saver, struct fact *fact, uint8_t era)
{
	const struct forest_node *node = saver->node;

	if (fact->type == FACT_SNAPSHOT) {
		saver->snapshot_told = true;
		fact->flags |= node->flags & NODE_ZOMBIE ? FACT_ZOMBIE : 0;
	}
	if (fact->type == FACT_EXIT) {
		saver->exit_told |= fact->time_ns == node->exit->time_ns;
		fact->exit = node->exit->exit;
	}
	if (fact->type == FACT_FORK || fact->type == FACT_EXIT)
		fact->exec_seq = node->seq_max; /* in these it tells of no image */
	if (fact->exec_seq > saver->seq_told)
		saver->seq_told = fact->exec_seq;
	return saver->cb(saver->owner, saver->saved, fact, host_offset(saver->host, era));
}

/* What type of fact the origin came from, as far as that can be told from the other cells. */
static enum fact_type origin_type(const struct forest_node *node)
{
	if (node->flags & NODE_FORK)
		return FACT_FORK;
	for (unsigned i = 0; node->images && i < node->images->count; i++) {
		if (node->images->items[i].time_ns == node->origin_ns && !image_is_snapshot(&node->images->items[i]))
			return FACT_EXEC;
	}
	if (node->flags & NODE_SNAPSHOT)
		return FACT_SNAPSHOT;
	return node->exit ? FACT_EXIT : FACT_EXEC;
}

static int tell_origin(struct saver *saver)
{
	const struct forest_node *node = saver->node;
	enum fact_type type = origin_type(node);
	struct fact fact = bare(saver, type, node->origin_ns);
	const struct facet *facet = take_facet(saver, type, node->origin_ns);
	const struct image *image = type == FACT_FORK ? NULL : take_image(saver, type, node->origin_ns);

	if (image)
		add_image(&fact, image);
	if (facet && process_key_equal(facet->parent, node_parent_key(node)))
		add_facet(&fact, facet);
	else if (facet)
		saver->facets[saver->facet_count++] = facet; /* of another fact of the same moment */
	fact.parent = node_parent_key(node);
	fact.creator = node_creator(node);
	fact.comm = text_bytes(node->comm);
	return tell(saver, &fact, node->origin_era);
}

static int tell_facet(struct saver *saver, const struct facet *facet)
{
	enum fact_type type = (enum fact_type)facet->type;
	const struct image *image = type == FACT_EXEC || type == FACT_SNAPSHOT
					? take_image(saver, type, facet->time_ns)
					: NULL;
	struct fact fact = bare(saver, type, facet->time_ns);

	if (image)
		add_image(&fact, image);
	add_facet(&fact, facet);
	if (facet->time_ns == saver->node->origin_ns) { /* it must not come before the origin in the order of facts */
		fact.creator = node_creator(saver->node);
		if (!image)
			fact.comm = text_bytes(saver->node->comm);
	}
	if (type == FACT_EXIT)
		return tell(saver, &fact, (uint8_t)saver->node->exit->era);
	return tell(saver, &fact, image ? image_era(image) : saver->node->origin_era);
}

static int tell_facets(struct saver *saver)
{
	for (unsigned i = 0; i < saver->facet_count; i++) {
		const struct facet *facet = saver->facets[i];
		int r = 0;

		saver->facets[i] = NULL;
		if (facet)
			r = tell_facet(saver, facet);
		if (r != 0)
			return r;
	}
	return 0;
}

static int tell_images(struct saver *saver)
{
	const struct images *images = saver->node->images;

	for (unsigned i = 0; images && i < images->count; i++) {
		const struct image *image = &images->items[i];
		enum fact_type type = image_is_snapshot(image) ? FACT_SNAPSHOT : FACT_EXEC;
		struct fact fact = bare(saver, type, image->time_ns);
		int r;

		if (saver->images_told[i / 64] >> i % 64 & 1)
			continue;
		add_image(&fact, image);
		r = tell(saver, &fact, image_era(image));
		if (r != 0)
			return r;
	}
	return 0;
}

/* What is left when facets and images have been told. */
static int tell_rest(struct saver *saver)
{
	const struct forest_node *node = saver->node;
	struct fact fact;
	int r = 0;

	if (node->exit && !saver->exit_told) {
		fact = bare(saver, FACT_EXIT, node->exit->time_ns);
		r = tell(saver, &fact, (uint8_t)node->exit->era);
	}
	/* at a time when it is the newest of nothing, and not before the origin where any fact may be that */
	if (r == 0 && node->flags & NODE_SNAPSHOT && (!saver->snapshot_told || saver->seq_told < node->seq_max)) {
		bool fork = node->flags & NODE_FORK;

		fact = bare(saver, FACT_SNAPSHOT, fork && node->start_ns ? node->start_ns - 1 : node->origin_ns);
		fact.comm = text_bytes(node->comm);
		fact.exec_seq = node->seq_max;
		r = tell(saver, &fact, node->origin_era);
	}
	return r;
}

static int tell_inherited(struct saver *saver)
{
	const struct image *image = saver->node->more ? saver->node->more->inherited : NULL;
	struct fact fact;

	if (!image)
		return 0;
	fact = bare(saver, FACT_EXEC, image->time_ns);
	add_image(&fact, image);
	return saver->cb(saver->owner, FOREST_SAVED_INHERITED, &fact, host_offset(saver->host, image_era(image)));
}

static void gather_facets(struct saver *saver)
{
	const struct facet_link *link = saver->node->more ? saver->node->more->older : NULL;

	saver->facets[saver->facet_count++] = &saver->node->newest;
	for (; link && saver->facet_count < FACETS_MAX - 1; link = link->older)
		saver->facets[saver->facet_count++] = &link->facet;
}

static unsigned kind_of(const struct forest_host *host, const struct forest_node *node, uint64_t since_ns)
{
	const struct forest_node *parent = host_node(host, node->parent);
	unsigned kind = node->flags & NODE_STALE ? FOREST_SAVED_STALE : 0;

	if (!parent) /* evicted, if there was one */
		return node->parent_tgid != 0 && !(node->flags & NODE_VAGUE) ? kind | FOREST_SAVED_STALE_PARENT : kind;
	if (parent->flags & NODE_OWN)
		return kind | (forest_save_wants(parent, since_ns) ? FOREST_SAVED_OWN_PARENT : FOREST_SAVED_STALE_PARENT);
	return parent->flags & NODE_STALE ? kind | FOREST_SAVED_STALE_PARENT : kind;
}

int forest_save_node(const struct forest_node *node, uint64_t since_ns, forest_save_cb cb, void *owner)
{
	struct saver saver = {
	    .node = node,
	    .host = slab_host_of(node),
	    .saved = kind_of(slab_host_of(node), node, since_ns),
	    .cb = cb,
	    .owner = owner,
	    .nothing = context_unknown(),
	};
	int r;

	gather_facets(&saver);
	r = tell_origin(&saver);
	if (r == 0)
		r = tell_facets(&saver);
	if (r == 0)
		r = tell_images(&saver);
	if (r == 0)
		r = tell_rest(&saver);
	return r == 0 ? tell_inherited(&saver) : r;
}
