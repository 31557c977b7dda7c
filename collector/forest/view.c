/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a process: derived from the cells at the moment of asking, so that nothing derived can be stale. */
#include <errno.h>

#include "collector/forest/internal.h"
#include "collector/forest/pack.h"

#define REAPERS_MAX 64u /* that ended one after the other while an orphan lived; more are not known */
#define INHERIT_DEPTH_MAX 4096u /* steps up the tree in search of an inherited image; a deeper one is not known */

struct forest_node *forest_node_next(const struct forest_host *host, const struct forest_node *after)
{
	if (!after)
		return node_order_RB_MINMAX((struct node_order *)&host->nodes, -1);
	return node_order_RB_NEXT((struct forest_node *)after);
}

struct forest_node *forest_node_at(const struct forest_host *host, struct process_key key)
{
	struct forest_node probe = {.key = key};

	return node_order_RB_NFIND((struct node_order *)&host->nodes, &probe);
}

struct forest_node *forest_parent(const struct forest_node *node)
{
	return node->parent;
}

struct forest_node *forest_child_first(const struct forest_node *node)
{
	return node->child_first;
}

struct forest_node *forest_child_next(const struct forest_node *child)
{
	return child->sibling_next;
}

struct forest_host *forest_node_host(const struct forest_node *node)
{
	return node->host;
}

struct process_key forest_node_key(const struct forest_node *node)
{
	return node->key;
}

void forest_host_info(const struct forest_host *host, struct forest_host_info *ret)
{
	*ret = (struct forest_host_info){
		.boot = host->boot,
		.described = host->described_ns != 0,
		.machine_id_known = host->machine_id_known,
		.hostname = host->hostname,
		.kernel = host->kernel,
		.arch = host->arch,
		.sensor_version = host->sensor_version,
		.tags = host->tags,
		.tag_count = host->tag_count,
		.rebooted = host->rebooted,
		.boottime_to_wall_ns = host->offset_ns,
		.last_fact_ns = host->last_fact_ns,
		.first_seen_wall_ns = host->first_seen_wall_ns,
		.last_seen_wall_ns = host->last_seen_wall_ns,
		.gaps = host->gaps,
		.gap_count = host->gap_count,
		.live = host->states[PROCESS_LIVE],
		.exited = host->states[PROCESS_EXITED],
		.evicted = host->evicted,
	};
	memcpy(ret->machine_id, host->machine_id, sizeof(ret->machine_id));
	memcpy(ret->facts, host->facts, sizeof(ret->facts));
	memcpy(ret->lost, host->lost, sizeof(ret->lost));
}

/* ---- images ---------------------------------------------------------------------------------------------------- */

/* Whether all that the snapshot knows of the image is what the exec said: one taken at the very end knows next to nothing. */
static bool agrees(const struct forest_image *snapshot, const struct forest_image *exec)
{
	return (!(snapshot->flags & FACT_EXE_KNOWN) || snapshot->exe == exec->exe) &&
	       (!(snapshot->flags & FACT_ARGV_KNOWN) || snapshot->argv == exec->argv);
}

/* The snapshot's image tells nothing when an exec that was seen, or the image inherited at a fork that was seen, is the same. The
 * ordinal says so even where a snapshot in the middle of the exec has seen half of it. */
static bool told_otherwise(const struct forest_node *node, const struct forest_image *snapshot)
{
	const struct forest_image *before = NULL;
	bool passed = false;

	if (!snapshot->snapshot)
		return false;
	for (const struct forest_image *image = node->images; image; image = image->next) {
		passed |= image == snapshot;
		if (image->snapshot)
			continue;
		if (snapshot->seq && image->seq == snapshot->seq)
			return true;
		before = passed ? before : image;
	}
	return before ? agrees(snapshot, before) : node->birth.fork && snapshot->seq == 0;
}

/* The image that the node had at a moment; NULL = not known. */
static const struct forest_image *image_at(const struct forest_node *node, uint64_t time_ns)
{
	for (unsigned steps = 0; node && steps < INHERIT_DEPTH_MAX; steps++) {
		const struct forest_image *best = NULL;

		for (const struct forest_image *image = node->images; image && image->time_ns <= time_ns; image = image->next)
			best = told_otherwise(node, image) ? best : image;
		if (best)
			return best;
		if (!node->birth.fork) /* what it ran before it was first seen: the snapshot's image is the earliest knowledge */
			return node->images && node->images->snapshot ? node->images : NULL;
		time_ns = node->birth.time_ns;
		node = node->parent;
	}
	return NULL;
}

static void fill_image(struct process_image *ret, const struct forest_image *image)
{
	*ret = (struct process_image){
		.seq = image->seq,
		.time_ns = image->time_ns,
		.wall_ns = (int64_t)image->time_ns + image->offset_ns,
		.flags = image->flags,
		.comm = text_bytes(image->comm),
		.exe = text_bytes(image->exe),
		.script = text_bytes(image->script),
		.interpreter = text_bytes(image->interpreter),
		.cwd = text_bytes(image->cwd),
		.argv = text_bytes(image->argv),
		.argv_bytes = image->argv_bytes,
		.exe_inode = image->exe_inode,
		.exe_ctime_ns = image->exe_ctime_ns,
		.exe_dev = image->exe_dev,
		.exe_mode = image->exe_mode,
		.exe_nlink = image->exe_nlink,
	};
}

static void fill_inherited(struct process_image *ret, const struct forest_node *node, const struct forest_image *image)
{
	fill_image(ret, image);
	ret->seq = 0;
	ret->time_ns = node->birth.time_ns;
	ret->wall_ns = (int64_t)node->birth.time_ns + node->birth.offset_ns;
	ret->flags &= ~(uint32_t)FACT_ZOMBIE;
}

static int fill_images(const struct forest_node *node, struct arena *arena, struct process_view *ret)
{
	const struct forest_image *inherited = node->birth.fork && node->parent ? image_at(node->parent, node->birth.time_ns) : NULL;
	struct process_image *images;
	size_t count = inherited != NULL;

	for (const struct forest_image *image = node->images; image; image = image->next)
		count++;
	images = arena_zalloc(arena, count + 1, sizeof(*images));
	if (!images)
		return -ENOMEM;
	count = 0;
	if (inherited)
		fill_inherited(&images[count++], node, inherited);
	for (const struct forest_image *image = node->images; image; image = image->next) {
		if (!told_otherwise(node, image))
			fill_image(&images[count++], image);
	}
	ret->images = images;
	ret->image_count = count;
	return 0;
}

/* Ordinals of a process whose fork was seen count up without a hole, and no snapshot finds one that no exec had. */
static bool exec_lost(const struct forest_node *node)
{
	uint32_t expected = 1;

	if (!node->birth.fork)
		return false;
	for (const struct forest_image *image = node->images; image; image = image->next) {
		if (image->snapshot && image->seq >= expected && !told_otherwise(node, image))
			return true;
		if (image->snapshot)
			continue;
		if (image->seq != expected)
			return true;
		expected++;
	}
	return false;
}

/* ---- the view -------------------------------------------------------------------------------------------------- */

/* A parent that has ended said who takes its children over; so did that one, had it ended meanwhile. 0 where the chain breaks: nobody saw
 * how it ended, or it was evicted. A process that no fact names but as a reaper counts as alive: only its own exit could tell. */
static uint32_t current_parent(const struct forest_node *node)
{
	struct process_key key = node->seen.parent;
	const struct forest_node *parent = key.start_ns ? host_node_find(node->host, key) : NULL;

	if (!key.start_ns || !parent)
		return key.start_ns ? 0 : key.tgid;
	for (unsigned steps = 0; steps < REAPERS_MAX; steps++) {
		if (!parent->end)
			return node_state(parent) == PROCESS_LIVE ? key.tgid : 0;
		key = parent->end->exit.reaper;
		parent = key.tgid ? host_node_find(node->host, key) : NULL;
		if (!parent)
			return key.tgid;
	}
	return 0;
}

static int fill_latest(const struct forest_node *node, struct arena *arena, struct process_view *ret)
{
	const struct forest_end *end = node->end;
	const struct text *packed = node->seen.context ? node->seen.context : end ? end->context : NULL;
	struct fact_context *context;

	ret->pgid = end && end->pgid ? end->pgid : node->seen.pgid;
	ret->sid = end && end->sid ? end->sid : node->seen.sid;
	ret->tty = end && end->sid ? end->tty : node->seen.tty;
	ret->current_ppid = end && end->ppid ? end->ppid : current_parent(node);
	if (!packed)
		return 0;
	context = arena_alloc(arena, sizeof(*context));
	if (!context)
		return -ENOMEM;
	context_unpack(text_bytes(packed), context);
	ret->context = context;
	return 0;
}

static uint32_t depth_of(const struct forest_node *node)
{
	uint32_t depth = 0;

	for (node = node->parent; node; node = node->parent)
		depth++;
	return depth;
}

static uint32_t quality_of(const struct forest_node *node)
{
	uint32_t quality = node_lost_quality(node);

	if (!node->birth.fork)
		quality |= node->snapshot ? QUALITY_SEEDED : QUALITY_PLACEHOLDER;
	if (exec_lost(node))
		quality |= QUALITY_EXEC_LOST;
	return quality;
}

int forest_view(const struct forest_node *node, uint64_t now_ns, struct arena *arena, struct process_view *ret)
{
	static const char hex[] = "0123456789abcdef";
	const struct forest_host *host = node->host;
	struct process_view view = {
		.host = host->hostname,
		.boot = host->boot,
		.tags = host->tags,
		.tag_count = host->tag_count,
		.self = node->key,
		.parent = node->birth.parent,
		.creator = node->birth.creator,
		.start_wall_ns = node->key.start_ns && node->birth.known ? (int64_t)node->key.start_ns + node->birth.offset_ns : INT64_MIN,
		.state = node_state(node),
		.quality = quality_of(node),
		.ns_tgid = node->ns_tgid,
		.depth = depth_of(node),
		.child_count = node->child_count,
		.now_ns = now_ns ? now_ns : host->last_fact_ns,
	};
	char *machine;
	int r;

	if (host->machine_id_known) {
		machine = arena_alloc(arena, 32);
		if (!machine)
			return -ENOMEM;
		for (unsigned i = 0; i < 32; i++)
			machine[i] = hex[host->machine_id[i / 2] >> (i & 1 ? 0 : 4) & 15];
		view.machine_id = bytes_make(machine, 32);
	}
	if (node->end) {
		view.exited = view.exit_known = true;
		view.end_ns = node->end->time_ns;
		view.end_wall_ns = (int64_t)node->end->time_ns + node->end->offset_ns;
		view.exit = node->end->exit;
	}
	r = fill_images(node, arena, &view);
	if (r == 0)
		r = fill_latest(node, arena, &view);
	if (r < 0)
		return r;
	*ret = view;
	return 0;
}
