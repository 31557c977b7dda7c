/* SPDX-License-Identifier: Apache-2.0 */
/* Joining facts into the cells of one process. Every comparison is strict and total, so 'replace when greater' is a join. */
#include <errno.h>
#include <stdlib.h>

#include "collector/forest/node.h"
#include "collector/forest/pack.h"

struct forest_node *node_create(struct forest_host *host, struct process_key key)
{
	struct forest_node *node = calloc(1, sizeof(*node));

	if (node) {
		node->host = host;
		node->key = key;
	}
	return node;
}

static void image_destroy(struct text_table *texts, struct forest_image *image)
{
	text_unref(texts, image->comm);
	text_unref(texts, image->exe);
	text_unref(texts, image->script);
	text_unref(texts, image->interpreter);
	text_unref(texts, image->cwd);
	text_unref(texts, image->argv);
	free(image);
}

void node_destroy(struct text_table *texts, struct forest_node *node)
{
	while (node->images) {
		struct forest_image *next = node->images->next;

		image_destroy(texts, node->images);
		node->images = next;
	}
	if (node->end) {
		text_unref(texts, node->end->context);
		text_unref(texts, node->end->comm);
		free(node->end);
	}
	text_unref(texts, node->seen.context);
	text_unref(texts, node->seen.comm);
	free(node);
}

size_t node_bytes(const struct forest_node *node)
{
	size_t bytes = sizeof(*node) + (node->end ? sizeof(*node->end) : 0);

	for (const struct forest_image *image = node->images; image; image = image->next)
		bytes += sizeof(*image);
	return bytes;
}

/* ---- birth ----------------------------------------------------------------------------------------------------- */

/* The fork decides; without it the earliest fact that knows a parent; at equal times the smaller parent. */
static bool birth_before(const struct forest_birth *a, const struct forest_birth *b)
{
	int order;

	if (a->fork != b->fork)
		return a->fork;
	if (!a->parent.tgid != !b->parent.tgid)
		return a->parent.tgid != 0;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	order = key_compare(a->parent, b->parent);
	if (order == 0)
		order = key_compare(a->creator, b->creator);
	return order ? order < 0 : a->offset_ns < b->offset_ns;
}

static bool join_birth(struct forest_node *node, const struct fact *fact, int64_t offset_ns)
{
	struct forest_birth birth = {
		.time_ns = fact->time_ns,
		.offset_ns = offset_ns,
		.parent = fact->parent,
		.creator = fact->creator,
		.fork = fact->type == FACT_FORK,
		.known = true,
	};
	bool news = birth.fork && !(node->birth.known && node->birth.fork);

	if (!node->birth.known || birth_before(&birth, &node->birth))
		node->birth = birth;
	return news;
}

/* ---- seen ------------------------------------------------------------------------------------------------------ */

static bool seen_after(const struct forest_seen *a, const struct forest_seen *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns > b->time_ns;
	if (a->type != b->type)
		return a->type > b->type;
	if (a->pgid != b->pgid)
		return a->pgid > b->pgid;
	if (a->sid != b->sid)
		return a->sid > b->sid;
	if (a->tty != b->tty)
		return a->tty > b->tty;
	if (!process_key_equal(a->parent, b->parent))
		return key_compare(a->parent, b->parent) > 0;
	if (a->context != b->context)
		return bytes_compare(text_bytes(a->context), text_bytes(b->context)) > 0;
	return bytes_compare(text_bytes(a->comm), text_bytes(b->comm)) > 0;
}

static int get_context(struct text_table *texts, struct arena *scratch, const struct fact *fact, struct text **ret)
{
	struct bytes packed;
	int r = context_pack(scratch, fact->context, &packed);

	return r < 0 ? r : text_get(texts, packed, ret);
}

static int join_seen(struct text_table *texts, struct arena *scratch, struct forest_node *node, const struct fact *fact)
{
	struct forest_seen seen = {
		.time_ns = fact->time_ns,
		.parent = fact->parent,
		.pgid = fact->pgid,
		.sid = fact->sid,
		.tty = fact->tty,
		.type = (uint8_t)fact->type,
	};
	struct forest_seen loser;

	if (fact->time_ns < node->seen.time_ns)
		return 0;
	if (get_context(texts, scratch, fact, &seen.context) < 0)
		return -ENOMEM;
	if (text_get(texts, fact->comm, &seen.comm) < 0) {
		text_unref(texts, seen.context);
		return -ENOMEM;
	}
	loser = seen;
	if (seen_after(&seen, &node->seen)) {
		loser = node->seen;
		node->seen = seen;
	}
	text_unref(texts, loser.context);
	text_unref(texts, loser.comm);
	return 0;
}

/* ---- images ---------------------------------------------------------------------------------------------------- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool same_exec(const struct forest_image *image, const struct fact *fact)
{
	uint64_t apart = distance(image->time_ns, fact->time_ns);

	if (image->snapshot != (fact->type == FACT_SNAPSHOT))
		return false;
	if (image->snapshot)
		return image->seq == fact->exec_seq; /* one cell an ordinal */
	return apart <= (image->seq == fact->exec_seq ? IMAGE_SAME_SEQ_NS : IMAGE_SAME_NS) &&
	       bytes_equal(text_bytes(image->exe), fact->exe) && bytes_equal(text_bytes(image->argv), fact->argv);
}

static int image_create(struct text_table *texts, const struct fact *fact, int64_t offset_ns, struct forest_image **ret)
{
	struct forest_image *image = calloc(1, sizeof(*image));

	if (!image)
		return -ENOMEM;
	*image = (struct forest_image){
		.time_ns = fact->time_ns,
		.offset_ns = offset_ns,
		.argv_bytes = fact->argv_bytes,
		.exe_inode = fact->exe_inode,
		.exe_ctime_ns = fact->exe_ctime_ns,
		.seq = fact->exec_seq,
		.flags = fact->flags,
		.exe_dev = fact->exe_dev,
		.exe_mode = fact->exe_mode,
		.exe_nlink = fact->exe_nlink,
		.snapshot = fact->type == FACT_SNAPSHOT,
	};
	if (text_get(texts, fact->comm, &image->comm) < 0 || text_get(texts, fact->exe, &image->exe) < 0 ||
	    text_get(texts, fact->script, &image->script) < 0 || text_get(texts, fact->interpreter, &image->interpreter) < 0 ||
	    text_get(texts, fact->cwd, &image->cwd) < 0 || text_get(texts, fact->argv, &image->argv) < 0) {
		image_destroy(texts, image);
		return -ENOMEM;
	}
	*ret = image;
	return 0;
}

static void image_insert(struct forest_node *node, struct forest_image *image)
{
	struct forest_image **at = &node->images;

	while (*at && ((*at)->time_ns < image->time_ns || ((*at)->time_ns == image->time_ns && (*at)->seq < image->seq)))
		at = &(*at)->next;
	image->next = *at;
	*at = image;
}

/* Of several snapshots of one image that stands which knows most (one of a process that ends knows little), then the earliest. */
static bool stands(const struct forest_image *old, const struct fact *fact)
{
	const uint32_t known = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	int more = __builtin_popcount(old->flags & known) - __builtin_popcount(fact->flags & known);

	if (old->snapshot && more != 0)
		return more > 0;
	return old->time_ns <= fact->time_ns;
}

/* The earlier telling of one exec stands, with the greater ordinal: a sensor that was there from the fork on counts further. */
static int image_merge(struct text_table *texts, struct forest_node *node, struct forest_image **at, const struct fact *fact, int64_t offset_ns)
{
	struct forest_image *old = *at, *image;
	uint32_t seq = old->seq > fact->exec_seq ? old->seq : fact->exec_seq;

	if (stands(old, fact)) {
		old->seq = seq;
		return 0;
	}
	if (image_create(texts, fact, offset_ns, &image) < 0)
		return -ENOMEM;
	*at = old->next;
	image_destroy(texts, old);
	image->seq = seq;
	image_insert(node, image);
	return 0;
}

static int join_image(struct text_table *texts, struct forest_node *node, const struct fact *fact, int64_t offset_ns, bool *ret_new)
{
	struct forest_image **at = &node->images, *image;

	while (*at && !same_exec(*at, fact))
		at = &(*at)->next;
	if (*at)
		return image_merge(texts, node, at, fact, offset_ns);
	if (image_create(texts, fact, offset_ns, &image) < 0)
		return -ENOMEM;
	image_insert(node, image);
	*ret_new = true;
	return 0;
}

/* ---- end ------------------------------------------------------------------------------------------------------- */

static int join_end(struct text_table *texts, struct arena *scratch, struct forest_node *node, const struct fact *fact, int64_t offset_ns, bool *ret_new)
{
	struct forest_end end = {
		.time_ns = fact->time_ns,
		.offset_ns = offset_ns,
		.ppid = fact->parent.tgid,
		.pgid = fact->pgid,
		.sid = fact->sid,
		.tty = fact->tty,
		.exit = fact->exit,
	};
	bool first = !node->end;

	if (!first && fact->time_ns >= node->end->time_ns)
		return 0;
	if (get_context(texts, scratch, fact, &end.context) < 0)
		return -ENOMEM;
	if (text_get(texts, fact->comm, &end.comm) < 0)
		goto no_memory;
	if (first) {
		node->end = calloc(1, sizeof(end));
		if (!node->end)
			goto no_memory;
	} else {
		text_unref(texts, node->end->context);
		text_unref(texts, node->end->comm);
	}
	*node->end = end;
	*ret_new |= first;
	return 0;
no_memory:
	text_unref(texts, end.context);
	text_unref(texts, end.comm);
	return -ENOMEM;
}

int node_join(struct text_table *texts, struct arena *scratch, struct forest_node *node, const struct fact *fact, int64_t offset_ns, bool *ret_new)
{
	bool news = false;
	int r = 0;

	arena_reset(scratch);
	if (fact->type == FACT_EXIT)
		r = join_end(texts, scratch, node, fact, offset_ns, &news);
	else
		r = join_seen(texts, scratch, node, fact);
	if (r == 0 && (fact->type == FACT_EXEC || fact->type == FACT_SNAPSHOT)) {
		bool image_new = false;

		r = join_image(texts, node, fact, offset_ns, &image_new);
		/* a snapshot of a process whose fork was seen says nothing new */
		news |= image_new && (fact->type == FACT_EXEC || !node->birth.known);
	}
	if (r < 0)
		return r;
	news |= join_birth(node, fact, offset_ns);
	if (fact->ns_tgid > node->ns_tgid)
		node->ns_tgid = fact->ns_tgid;
	if (fact->type != FACT_EXIT && fact->time_ns > node->alive_ns)
		node->alive_ns = fact->time_ns;
	node->snapshot |= fact->type == FACT_SNAPSHOT;
	node->zombie |= fact->type == FACT_SNAPSHOT && (fact->flags & FACT_ZOMBIE);
	*ret_new = news;
	return 0;
}

/* ---- tree ------------------------------------------------------------------------------------------------------ */

void node_link(struct forest_node *parent, struct forest_node *child)
{
	struct forest_node *before = parent->child_last;

	while (before && key_compare(before->key, child->key) > 0)
		before = before->sibling_prev;
	child->parent = parent;
	child->sibling_prev = before;
	child->sibling_next = before ? before->sibling_next : parent->child_first;
	*(before ? &before->sibling_next : &parent->child_first) = child;
	*(child->sibling_next ? &child->sibling_next->sibling_prev : &parent->child_last) = child;
	parent->child_count++;
}

void node_unlink(struct forest_node *child)
{
	struct forest_node *parent = child->parent;

	if (!parent)
		return;
	*(child->sibling_prev ? &child->sibling_prev->sibling_next : &parent->child_first) = child->sibling_next;
	*(child->sibling_next ? &child->sibling_next->sibling_prev : &parent->child_last) = child->sibling_prev;
	parent->child_count--;
	child->parent = child->sibling_prev = child->sibling_next = NULL;
}
