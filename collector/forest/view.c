/* SPDX-License-Identifier: Apache-2.0 */
/* A node as it is shown. Everything is put together from the cells at the moment of asking. */
#include <errno.h>

#include "collector/forest/core.h"
#include "collector/forest/lineage.h"
#include "collector/forest/place.h"

/* ---- images ------------------------------------------------------------------------------------------------------ */

static struct process_image show_image(const struct forest_host *host, const struct image_shown *shown,
				       uint64_t time_ns, uint8_t era)
{
	const struct image *image = shown->image;
	struct process_image out = {
	    .seq = shown->seq,
	    .time_ns = time_ns,
	    .wall_ns = host_wall_at(host, time_ns, era),
	    .flags = image->flags & IMAGE_FACT_FLAGS & ~(uint32_t)FACT_ZOMBIE,
	    .comm = text_bytes(image->comm),
	    .cwd = text_bytes(image->cwd),
	    .argv = image_argv(image),
	    .argv_bytes = image_argv_bytes(image),
	    .environ_ = image_environ(image),
	};

	if (image->program) {
		out.exe = text_bytes(image->program->exe);
		out.script = text_bytes(image->program->script);
		out.interpreter = text_bytes(image->program->interpreter);
		out.exe_inode = image->program->inode;
		out.exe_ctime_ns = image->program->ctime_ns;
		out.exe_dev = image->program->dev;
		out.exe_mode = image->program->mode;
		out.exe_nlink = image->program->nlink;
	}
	return out;
}

/* What stands before the process's own images: the inherited one; or, where nothing at all is known, the comm that the
 * process was born (or first seen) with. */
static const struct image *base_of(const struct forest_host *host, const struct forest_node *node, struct image *bare)
{
	const struct image *inherited;

	if (lineage_inherited(host, node, &inherited))
		return inherited;
	if (!node->comm || (node->images && node->images->count))
		return NULL;
	*bare = (struct image){.time_ns = node->start_ns, .comm = node->comm};
	return bare;
}

static int fill_images(const struct forest_host *host, const struct forest_node *node, struct arena *arena,
		       struct process_view *view)
{
	struct image_shown shown[IMAGES_SHOWN_MAX];
	struct image bare;
	bool lost;
	const struct image *base = base_of(host, node, &bare);
	size_t count = images_show(node->images, base, shown, &lost);
	struct process_image *images;

	if (lost || (count ? shown[count - 1].seq : 0) < node->seq_max)
		view->quality |= QUALITY_EXEC_LOST;
	if (!count)
		return 0;
	images = arena_zalloc(arena, count, sizeof(*images));
	if (!images)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct image *image = shown[i].image;
		bool born = image == base; /* it began to run here with the process, whenever another executed it */

		images[i] = show_image(host, &shown[i], born ? node->start_ns : image->time_ns,
				       born ? node->origin_era : image_era(image));
	}
	if (shown[0].image == base && node->comm)
		images[0].comm = text_bytes(node->comm); /* a child has the comm of the thread that forked it */
	if (node->flags & NODE_ZOMBIE && !node->exit)
		images[count - 1].flags |= FACT_ZOMBIE; /* of the process, whatever its image */
	view->images = images;
	view->image_count = count;
	return 0;
}

/* ---- changing sides ---------------------------------------------------------------------------------------------- */

static void take_facet(const struct facet *facet, uint32_t mask, struct process_view *view)
{
	if (!(mask & FACET_JOB))
		return;
	view->pgid = facet->pgid;
	view->sid = facet->sid;
	view->tty = facet->tty;
}

#define CONTEXT_MASK ((1u << CONTEXT_BITS) - 1)

/* One context where one fact knows all that is known, otherwise one put together from several. */
static int fill_sides(const struct forest_node *node, struct arena *arena, struct process_view *view)
{
	const struct facet_link *link = node->more ? node->more->older : NULL;
	uint32_t covered = node->newest.mask;
	struct fact_context *context;

	if (!(node->flags & NODE_OWN))
		return 0;
	take_facet(&node->newest, covered, view);
	if (!link) {
		view->context = covered & CONTEXT_MASK ? &node->newest.context->value : NULL;
		return 0;
	}
	context = arena_alloc(arena, sizeof(*context));
	if (!context)
		return -ENOMEM;
	*context = context_unknown();
	context_copy(context, &node->newest.context->value, covered);
	for (; link; link = link->older) {
		uint32_t mask = link->facet.mask & ~covered;

		take_facet(&link->facet, mask, view);
		context_copy(context, &link->facet.context->value, mask);
		covered |= mask;
	}
	view->context = covered & CONTEXT_MASK ? context : NULL;
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int fill_host(const struct forest_host *host, struct arena *arena, struct process_view *view)
{
	static const char hex[] = "0123456789abcdef";
	const struct description *d = host->description;
	char *machine;

	if (!d)
		return 0;
	view->host = d->hostname;
	view->tags = d->tags;
	view->tag_count = d->tag_count;
	if (!d->machine_id_known)
		return 0;
	machine = arena_alloc_aligned(arena, 2 * sizeof(d->machine_id), 1);
	if (!machine)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(d->machine_id); i++) {
		machine[2 * i] = hex[d->machine_id[i] >> 4];
		machine[2 * i + 1] = hex[d->machine_id[i] & 15];
	}
	view->machine_id = bytes_make(machine, 2 * sizeof(d->machine_id));
	return 0;
}

static void fill_exit(const struct forest_host *host, const struct forest_node *node, struct process_view *view)
{
	if (!node->exit)
		return;
	view->exited = view->exit_known = true;
	view->end_ns = node->exit->time_ns;
	view->end_wall_ns = host_wall_at(host, node->exit->time_ns, (uint8_t)node->exit->era);
	view->exit = node->exit->exit;
}

static struct process_key parent_shown(const struct forest_host *host, const struct forest_node *node)
{
	const struct forest_node *parent = node->flags & NODE_VAGUE ? host_node(host, node->parent) : NULL;

	return parent ? node_key(parent) : node_parent_key(node);
}

/* Who forked it is known from the fork alone. */
static struct process_key creator_shown(const struct forest_node *node)
{
	return node->flags & NODE_FORK ? node_creator(node) : (struct process_key){0};
}

static int64_t start_wall(const struct forest_host *host, const struct forest_node *node)
{
	if (!node->start_ns)
		return INT64_MIN;
	return node->flags & NODE_OWN ? host_wall_at(host, node->start_ns, node->origin_era)
				      : host_wall(host, node->start_ns);
}

int forest_view(const struct forest_node *node, uint64_t now_ns, struct arena *arena, struct process_view *ret)
{
	struct forest_host *host = slab_host_of(node);
	struct process_view view;
	int r;

	host_refresh(host);
	view = (struct process_view){
	    .boot = host->boot,
	    .self = node_key(node),
	    .parent = parent_shown(host, node),
	    .creator = creator_shown(node),
	    .current_ppid = lineage_current_parent(host, node),
	    .start_wall_ns = start_wall(host, node),
	    .ns_tgid = node->ns_tgid,
	    .depth = lineage_depth(host, node),
	    .child_count = node->child_count,
	    .now_ns = now_ns ? now_ns : host->last_fact_ns,
	};
	view.state = place_state(host, node, &view.quality);
	if (!(node->flags & NODE_FORK))
		view.quality |= node->flags & NODE_SNAPSHOT ? QUALITY_SEEDED : QUALITY_PLACEHOLDER;
	fill_exit(host, node, &view);
	r = fill_host(host, arena, &view);
	if (r == 0)
		r = fill_sides(node, arena, &view);
	if (r == 0)
		r = fill_images(host, node, arena, &view);
	if (r < 0)
		return r;
	*ret = view;
	return 0;
}
