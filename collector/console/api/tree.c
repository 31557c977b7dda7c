/* SPDX-License-Identifier: Apache-2.0 */
/* Host after host: the processes that are asked for are collected with their ancestors (grove), then written. The walk
 * over the forest and the writing both go in slices; what was evicted in between is left out, and its children are
 * written where they stood. */
#include "collector/console/api/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/api/api.h"
#include "collector/console/api/grove.h"
#include "collector/console/api/scan.h"

struct tree_body {
	struct body body;
	struct api *api;
	struct query query;
	struct scan scan;
	struct grove grove;
	struct boot_id boot;     /* whose grove it is */
	uint32_t at;             /* last one written */
	bool begun, has_boot, writing, ended;
	/* a process of the next host, found while looking for the end of this one */
	struct process_key held;
	struct boot_id held_boot;
	bool holds;
	unsigned cut;            /* hosts of which not everything had room */
};

/* ---- collecting ---------------------------------------------------------------------------------------------- */

/* The scan stops at what matches; below it, with children=1, everything counts. That needs each process to be seen, so
 * the filter is applied here and the scan runs without. */
static int collect_one(struct tree_body *tree, const struct forest_node *node, const struct process_view *view)
{
	bool match = scan_wants(&tree->query, !tree->query.exited, node, view, &tree->scan.arena), carried = false;
	const struct forest_node *parent = forest_parent(node);

	if (!match && tree->query.children && parent) {
		uint32_t above = grove_find(&tree->grove, forest_node_key(parent));

		carried = above != GROVE_NONE && (tree->grove.nodes[above].match || tree->grove.nodes[above].carried) &&
			  (tree->query.exited || view->state != PROCESS_EXITED);
	}
	return match || carried ? grove_add(&tree->grove, node, match, carried) : 0;
}

/* Collects the processes of one host. Returns 0 when it is complete (or the fleet is at its end), SCAN_E_PAUSE or
 * -errno. */
static int collect(struct tree_body *tree)
{
	struct process_view view;
	struct forest_node *node;
	int r;

	while ((r = scan_next(&tree->scan, &view, &node)) == 0) {
		if (tree->has_boot && !boot_id_equal(&view.boot, &tree->boot)) {
			tree->holds = true;
			tree->held_boot = view.boot;
			tree->held = view.self;
			return grove_grow(&tree->grove);
		}
		tree->boot = view.boot;
		tree->has_boot = true;
		r = collect_one(tree, node, &view);
		if (r < 0)
			return r;
	}
	if (r != SCAN_E_END)
		return r;
	tree->ended = true;
	return grove_grow(&tree->grove);
}

/* Begins the grove of the host whose first process was found by chance. */
static int begin_next_host(struct tree_body *tree)
{
	struct forest_host *host = fleet_host_find(tree->api->fleet, &tree->held_boot);
	struct forest_node *node = host ? forest_find(host, tree->held) : NULL;
	struct process_view view;
	struct host_look look;
	int r = 0;

	grove_clear(&tree->grove);
	tree->at = GROVE_NONE;
	tree->writing = false;
	tree->has_boot = tree->holds;
	tree->boot = tree->held_boot;
	tree->holds = false;
	if (!node)
		return 0;
	host_look(tree->api->fleet, host, api_now(), &look);
	arena_reset(&tree->scan.arena);
	r = forest_view(node, look.now_ns, &tree->scan.arena, &view);
	return r < 0 ? r : collect_one(tree, node, &view);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void write_node(struct tree_body *tree, struct json *out, const struct grove_node *node,
		       const struct process_view *view)
{
	json_object_begin(out);
	json_process_members(out, view);
	json_key(out, "depth");
	json_uint(out, node->depth);
	json_key(out, "match");
	json_bool(out, node->match);
	json_key(out, "folded");
	json_uint(out, node->depth == tree->query.depth ? node->child_count : 0);
	json_object_end(out);
}

/* Returns 0 when the host is done, SCAN_E_PAUSE when the piece is full. */
static int write_grove(struct tree_body *tree, struct json *out)
{
	struct forest_host *host = fleet_host_find(tree->api->fleet, &tree->boot);
	struct process_view view;
	struct host_look look;

	if (!host || !tree->has_boot)
		return 0;
	host_look(tree->api->fleet, host, api_now(), &look);
	while ((tree->at = grove_next(&tree->grove, tree->at, tree->query.depth)) != GROVE_NONE) {
		const struct grove_node *node = &tree->grove.nodes[tree->at];
		struct forest_node *found = forest_find(host, node->key);

		arena_reset(&tree->scan.arena);
		if (found && forest_view(found, look.now_ns, &tree->scan.arena, &view) < 0)
			return -ENOMEM;
		if (found)
			write_node(tree, out, node, &view);
		if (out->len >= CONNECTION_PIECE)
			return SCAN_E_PAUSE;
	}
	tree->cut += tree->grove.full;
	return 0;
}

struct listing {
	const struct tree_body *tree;
	struct json *out;
};

static void write_host(void *owner, struct forest_host *host)
{
	const struct listing *listing = owner;
	struct host_look look;

	host_look(listing->tree->api->fleet, host, api_now(), &look);
	if (scan_wants_host(&listing->tree->query, &look.info))
		host_write(listing->out, &look);
}

static void write_hosts(struct tree_body *tree, struct json *out)
{
	struct listing listing = {tree, out};

	json_key(out, "hosts");
	json_array_begin(out);
	fleet_each_host(tree->api->fleet, write_host, &listing);
	json_array_end(out);
}

static void end(struct tree_body *tree, struct json *out)
{
	struct incomplete incomplete;

	json_array_end(out);
	write_hosts(tree, out);
	incomplete_begin(&incomplete, out);
	scan_incomplete(tree->api->fleet, &tree->query, &incomplete);
	if (tree->cut)
		incomplete_note(&incomplete, NULL, "truncated",
				"a host has more than 200000 processes to show; narrow it by a filter");
	incomplete_end(&incomplete);
	json_object_end(out);
	json_raw(out, "\n", 1);
}

/* Inside. Returns 0 when all is written, SCAN_E_PAUSE or -errno. */
static int produce_slice(struct tree_body *tree, struct json *out)
{
	int r;

	scan_slice(&tree->scan);
	do {
		r = tree->writing ? 0 : collect(tree);
		tree->writing |= r == 0;
		if (r == 0)
			r = write_grove(tree, out);
		if (r == 0 && tree->ended && !tree->holds)
			return 0;
		if (r == 0)
			r = begin_next_host(tree);
	} while (r == 0);
	return r;
}

static int tree_produce(struct body *body, struct json *out)
{
	struct tree_body *tree = (struct tree_body *)(void *)body;
	int r;

	if (!tree->begun) {
		json_object_begin(out);
		json_key(out, "nodes");
		json_array_begin(out);
		tree->begun = true;
	}
	fleet_enter(tree->api->fleet);
	r = produce_slice(tree, out);
	fleet_leave(tree->api->fleet);
	if (r < 0)
		return r;
	if (r == SCAN_E_PAUSE)
		return BODY_MORE;
	end(tree, out);
	return BODY_DONE;
}

static void tree_destroy(struct body *body)
{
	struct tree_body *tree = (struct tree_body *)(void *)body;

	scan_finish(&tree->scan);
	grove_finish(&tree->grove);
	query_finish(&tree->query);
	free(tree);
}

static const struct body_type tree_type = {.produce = tree_produce, .destroy = tree_destroy};

void tree_show(struct api *api, struct connection *connection, const struct request *request)
{
	static const char *const known[] = {"host", "filter", "at", "depth", "exited", "children", NULL};
	struct tree_body *tree;

	if (request_parameter(request, "at").data) {
		api_fail(
		    connection, 501, "not_offered", "the tree of a moment in the past is not offered by this version",
		    "leave 'at' out for the tree of now; /api/v1/processes with since and until tells what lived then");
		return;
	}
	tree = calloc(1, sizeof(*tree));
	if (!tree) {
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	tree->body.type = &tree_type;
	tree->api = api;
	tree->at = GROVE_NONE;
	grove_clear(&tree->grove);
	if (!query_read(&tree->query, connection, request, known)) {
		free(tree);
		return;
	}
	scan_init(&tree->scan, api->fleet, &tree->query);
	tree->scan.all = true;
	connection_stream(connection, RESPONSE_JSON, &tree->body);
}
