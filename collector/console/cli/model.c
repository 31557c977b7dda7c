/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes lie ordered by id, which finds parents by bisection; the tree is rebuilt from scratch when something changed:
 * some milliseconds for ten thousand processes, and nothing to keep consistent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/model.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/tree.h"

void model_init(struct model *model, const struct face *face)
{
	*model = (struct model){.face = *face};
}

static void free_node(struct model_node *node)
{
	if (!node)
		return;
	free(node->id);
	free(node->parent_id);
	free(node->boot_id);
	free(node->host);
	text_finish(&node->user);
	text_finish(&node->state);
	text_finish(&node->command);
	free(node);
}

void model_clear(struct model *model)
{
	for (size_t i = 0; i < model->count; i++)
		free_node(model->nodes[i]);
	model->count = model->ordered = 0;
	model->row_count = 0;
	model->changed = true;
}

void model_finish(struct model *model)
{
	model_clear(model);
	free(model->nodes);
	free(model->rows);
	*model = (struct model){0};
}

/* ---- one node ------------------------------------------------------------------------------------------------- */

/* The place of id, or where it would stand. */
static size_t find_place(const struct model *model, const char *id, bool *ret_found)
{
	size_t low = 0, high = model->ordered;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(model->nodes[middle]->id, id);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static struct model_node *find(const struct model *model, const char *id)
{
	bool found = false;
	size_t place = id ? find_place(model, id, &found) : 0;

	return found ? model->nodes[place] : NULL;
}

static char *copy(struct bytes value)
{
	return value.data ? strndup(value.data, value.len) : NULL;
}

static int insert(struct model *model, struct bytes id, struct model_node **ret)
{
	struct model_node *node = calloc(1, sizeof(*node));
	bool found;
	size_t place;

	if (node && model->count == model->capacity) {
		size_t capacity = model->capacity ? 2 * model->capacity : 256;
		struct model_node **nodes = reallocarray(model->nodes, capacity, sizeof(struct model_node *));

		if (nodes) {
			model->nodes = nodes;
			model->capacity = capacity;
		}
	}
	if (node)
		node->id = copy(id);
	if (!node || !node->id || model->count == model->capacity) {
		free_node(node);
		return -ENOMEM;
	}
	node->span = -1;
	/* a poll may bring 100,000: they are ordered once, when all are there */
	place = model->polling ? model->count : find_place(model, node->id, &found);
	memmove(model->nodes + place + 1, model->nodes + place, (model->count - place) * sizeof(struct model_node *));
	model->nodes[place] = node;
	model->count++;
	if (!model->polling)
		model->ordered++;
	*ret = node;
	return 0;
}

static int set_string(char **string, struct bytes value)
{
	char *fresh = copy(value);

	if (value.data && !fresh)
		return -ENOMEM;
	free(*string);
	*string = fresh;
	return 0;
}

static int describe(struct model *model, struct model_node *node, const json_t *process)
{
	struct text *texts[] = {&node->user, &node->state, &node->command};

	for (size_t i = 0; i < 3; i++)
		text_reset(texts[i]);
	column_add_user(process, &model->face, &node->user);
	node->state_color = column_add_state(process, &node->state);
	if (node->state_color == COLOR_GOOD) {
		text_cut(&node->state, 0);
		node->state_color = COLOR_PLAIN;
	}
	tree_add_mark(process, &node->command);
	column_add_command(process, &model->face, &node->command);
	node->faint = json_is_false(object_at(process, "match"));
	(void)object_int(process, "pid", &node->pid);
	(void)object_int(process, "current_ppid", &node->current_ppid);
	(void)object_time(process, "start", &node->start);
	if (set_string(&node->parent_id, object_string(process, "parent_id")) < 0 ||
	    set_string(&node->boot_id, object_string(process, "boot_id")) < 0 ||
	    set_string(&node->host, object_string(process, "host")) < 0)
		return -ENOMEM;
	return node->user.failed || node->state.failed || node->command.failed ? -ENOMEM : 0;
}

/* *ret stays NULL when there is nothing to keep: no id, or no room. */
static int upsert(struct model *model, const json_t *process, struct model_node **ret)
{
	struct bytes id = object_string(process, "id");
	bool exited = bytes_equal(object_string(process, "state"), BYTES_LITERAL("exited"));
	struct model_node *node = id.len ? find(model, id.data) : NULL;
	int err = 0;

	*ret = NULL;
	if (!id.len)
		return 0;
	if (!node && model->count >= MODEL_NODES_MAX) {
		model->full = true;
		return 0;
	}
	if (!node)
		err = insert(model, id, &node);
	/* an answer that is older than the news of the end must not bring it back to life */
	if (!err && (exited || !node->exited))
		err = describe(model, node, process);
	if (err)
		return err;
	if (exited && !node->exited) {
		node->exited = true;
		(void)object_int(process, "duration_ns", &node->span);
	}
	model->changed = true;
	*ret = node;
	return 0;
}

/* ---- polls and events ----------------------------------------------------------------------------------------- */

void model_poll_begin(struct model *model, int64_t asked_ms)
{
	model->poll++;
	model->poll_asked_ms = asked_ms;
	model->full = false;
	model->polling = true;
}

int model_poll_add(struct model *model, const json_t *process)
{
	struct model_node *node;
	int err = upsert(model, process, &node);

	if (node)
		node->poll = model->poll;
	return err;
}

static bool is_wanted(const struct model *model, const struct model_node *node, int64_t now_ms)
{
	if (node->poll == model->poll || node->linger_ms > now_ms)
		return true;
	/* younger than the question: the answer could not know it */
	return !node->exited && node->touched_ms >= model->poll_asked_ms;
}

static void drop_unwanted(struct model *model, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < model->count; i++) {
		if (is_wanted(model, model->nodes[i], now_ms))
			model->nodes[kept++] = model->nodes[i];
		else
			free_node(model->nodes[i]);
	}
	if (kept != model->count) {
		model->count = model->ordered = kept;
		model->row_count = 0; /* rows may point to what is gone */
		model->changed = true;
	}
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(struct model_node *const *)a)->id, (*(struct model_node *const *)b)->id);
}

void model_poll_end(struct model *model, int64_t now_ms)
{
	model->polling = false;
	if (model->ordered < model->count)
		qsort(model->nodes, model->count, sizeof(struct model_node *), by_id);
	model->ordered = model->count;
	drop_unwanted(model, now_ms);
}

void model_expire(struct model *model, int64_t now_ms)
{
	drop_unwanted(model, now_ms);
}

int model_apply(struct model *model, const json_t *process, int64_t now_ms)
{
	struct model_node *node;
	int err = upsert(model, process, &node);

	if (err || !node)
		return err;
	node->touched_ms = now_ms;
	/* once only: a fact that comes twice does not prolong it */
	if (node->exited && !node->linger_ms)
		node->linger_ms = now_ms + MODEL_LINGER_MS;
	return 0;
}

/* ---- layout --------------------------------------------------------------------------------------------------- */

static int compare_strings(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_place(const void *a, const void *b)
{
	const struct model_node *left = *(struct model_node *const *)a, *right = *(struct model_node *const *)b;
	int order = compare_strings(left->host, right->host);

	if (!order)
		order = compare_strings(left->boot_id, right->boot_id);
	if (!order)
		order = (left->start > right->start) - (left->start < right->start);
	return order ? order : (left->pid > right->pid) - (left->pid < right->pid);
}

static int by_pid(const void *a, const void *b)
{
	const struct model_node *left = *(struct model_node *const *)a, *right = *(struct model_node *const *)b;
	int order = compare_strings(left->boot_id, right->boot_id);

	if (!order)
		order = (left->pid > right->pid) - (left->pid < right->pid);
	/* of those that shared a pid the living one comes first */
	return order ? order : left->exited - right->exited;
}

/* A process whose creator is not in the picture hangs where the kernel has hung it since. */
static struct model_node *find_foster(struct model_node **pids, size_t count, const struct model_node *node)
{
	size_t low = 0, high = count;

	if (node->current_ppid <= 0)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_strings(pids[middle]->boot_id, node->boot_id);

		if (order < 0 || (order == 0 && pids[middle]->pid < node->current_ppid))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == count || pids[low]->pid != node->current_ppid ||
	    compare_strings(pids[low]->boot_id, node->boot_id) != 0)
		return NULL;
	return pids[low]->exited || pids[low]->start > node->start ? NULL : pids[low];
}

static void find_parents(struct model *model, struct model_node **order, struct model_node **pids)
{
	for (size_t i = 0; i < model->count; i++) {
		struct model_node *node = order[i];

		node->parent = node->first_child = node->last_child = node->next_sibling = NULL;
		node->children = node->lingering = 0;
		node->hidden = false;
	}
	for (size_t i = 0; i < model->count; i++) {
		struct model_node *parent = find(model, order[i]->parent_id);

		if (!parent)
			parent = find_foster(pids, model->count, order[i]);
		if (!parent || parent == order[i])
			continue;
		order[i]->parent = parent;
		parent->children++;
	}
}

/* From the youngest on. What is hidden need not linger: the next model_expire drops it. */
static void hide_crowds(struct model *model, struct model_node **order)
{
	for (size_t i = model->count; i-- > 0;) {
		struct model_node *node = order[i];

		if (!node->parent || !node->exited || !node->linger_ms || node->children)
			continue;
		node->hidden = ++node->parent->lingering > MODEL_LINGER_SIBLINGS;
		if (node->hidden)
			node->linger_ms = 1;
	}
}

/* In the order of start, so that siblings come in it. */
static void hang_nodes(struct model *model, struct model_node **order)
{
	for (size_t i = 0; i < model->count; i++) {
		struct model_node *node = order[i], *parent = node->parent;

		if (!parent || node->hidden)
			continue;
		if (parent->last_child)
			parent->last_child->next_sibling = node;
		else
			parent->first_child = node;
		parent->last_child = node;
	}
}

static int add_row(struct model *model, struct model_row row)
{
	if (model->row_count == model->row_capacity) {
		size_t capacity = model->row_capacity ? 2 * model->row_capacity : 256;
		struct model_row *rows = reallocarray(model->rows, capacity, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		model->rows = rows;
		model->row_capacity = capacity;
	}
	model->rows[model->row_count++] = row;
	return 0;
}

/* The node and all below it, without recursion: a chain of processes may be long. */
static int add_branch(struct model *model, const struct model_node *root)
{
	const struct model_node *node = root;
	uint32_t depth = 0;

	while (node) {
		int err = add_row(model, (struct model_row){.node = node, .depth = depth, .last = !node->next_sibling});

		if (err)
			return err;
		if (node->first_child) {
			node = node->first_child;
			depth++;
			continue;
		}
		while (node != root && !node->next_sibling) {
			node = node->parent;
			depth--;
		}
		node = node == root ? NULL : node->next_sibling;
	}
	return 0;
}

static int add_rows(struct model *model, struct model_node **order)
{
	const char *boot = NULL;
	int err = 0;

	model->row_count = 0;
	for (size_t i = 0; !err && i < model->count; i++) {
		if (order[i]->parent)
			continue;
		if (i == 0 || compare_strings(boot, order[i]->boot_id) != 0)
			err = add_row(model, (struct model_row){.of = order[i]});
		boot = order[i]->boot_id;
		if (!err)
			err = add_branch(model, order[i]);
	}
	return err;
}

int model_layout(struct model *model)
{
	struct model_node **order, **pids;
	size_t size = model->count * sizeof(struct model_node *);
	int err = -ENOMEM;

	if (!model->changed)
		return 0;
	order = malloc(size ? size : 1);
	pids = malloc(size ? size : 1);
	if (order && pids) {
		if (size) {
			memcpy(order, model->nodes, size);
			memcpy(pids, model->nodes, size);
			qsort(order, model->count, sizeof(struct model_node *), by_place);
			qsort(pids, model->count, sizeof(struct model_node *), by_pid);
		}
		find_parents(model, order, pids);
		hide_crowds(model, order);
		hang_nodes(model, order);
		err = add_rows(model, order);
		model->changed = err;
	}
	free(order);
	free(pids);
	return err;
}
