/* SPDX-License-Identifier: Apache-2.0 */
/* One process, and the chain above it. The chain is taken down as identities at once and written in pieces; an ancestor
 * that is evicted meanwhile is left out. */
#include "collector/console/api/process.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/api/api.h"
#include "collector/console/api/incomplete.h"

/* By anything that a person may type: all shards are asked, since a name or a prefix may be of several. */
static struct forest_node *resolve(const struct fleet *fleet, const struct process_ref *ref, bool *ret_ambiguous)
{
	struct forest_node *found = NULL;

	for (size_t i = 0; i < fleet->shard_count && !*ret_ambiguous; i++) {
		struct forest_node *node = forest_resolve(fleet->shards[i].forest, ref, ret_ambiguous);

		if (node && found)
			*ret_ambiguous = true;
		else if (node)
			found = node;
	}
	return *ret_ambiguous ? NULL : found;
}

/* Answers with the error itself; NULL then. Inside. */
static struct forest_node *find(struct api *api, struct connection *connection, struct bytes id)
{
	struct process_ref ref;
	struct forest_node *node;
	bool ambiguous = false;

	if (process_ref_parse(id, &ref) < 0) {
		api_fail(connection, 400, "bad_id", "this is no identity of a process",
			 "an identity reads BOOT-PID-START as lists show it, with at least four digits of BOOT, or "
			 "HOST:PID");
		return NULL;
	}
	node = resolve(api->fleet, &ref, &ambiguous);
	if (!node && ambiguous)
		api_fail(connection, 409, "ambiguous", "several host boots go by this name or prefix",
			 "give more digits of the boot id");
	else if (!node)
		api_fail(connection, 404, "not_found", "no such process is known",
			 "it may have exited and been evicted, or its host has never been heard of; /api/v1/hosts "
			 "lists those that have");
	return node;
}

static void show(struct api *api, struct connection *connection, struct bytes id)
{
	struct forest_node *node = find(api, connection, id);
	struct arena arena = ARENA_NULL;
	struct json body = JSON_EMPTY;
	struct process_view view;
	struct host_look look;

	if (!node)
		return;
	host_look(api->fleet, forest_node_host(node), api_now(), &look);
	if (forest_view(node, look.now_ns, &arena, &view) < 0) {
		arena_finish(&arena);
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	json_process(&body, &view);
	json_raw(&body, "\n", 1);
	arena_finish(&arena);
	connection_answer(connection, 200, RESPONSE_JSON, NULL, &body);
}

void process_show(struct api *api, struct connection *connection, struct bytes id)
{
	fleet_enter(api->fleet);
	show(api, connection, id);
	fleet_leave(api->fleet);
}

/* ---- lineage ------------------------------------------------------------------------------------------------- */

struct lineage_body {
	struct body body;
	struct api *api;
	struct boot_id boot;
	struct process_key *chain; /* owned; from the process up */
	size_t left;               /* of the chain; the next one to be written is left - 1 */
	bool begun, cut, rooted;   /* rooted: the chain ends where processes begin */
	struct arena arena;
};

static void write_notes(struct lineage_body *lineage, const struct host_look *look, struct json *out)
{
	struct incomplete incomplete;

	incomplete_begin(&incomplete, out);
	if (lineage->cut)
		incomplete_note(&incomplete, look, "truncated", "ancestors beyond the 4096th are left out");
	else if (!lineage->rooted)
		incomplete_note(&incomplete, look, "unknown_ancestors",
				"what is above the first of these is not known");
	if (look->state == HOST_SILENT || look->state == HOST_CATCHING_UP)
		incomplete_host(&incomplete, look, INT64_MAX, INT64_MIN);
	incomplete_end(&incomplete);
}

static int produce_slice(struct lineage_body *lineage, struct json *out)
{
	struct forest_host *host = fleet_host_find(lineage->api->fleet, &lineage->boot);
	struct process_view view;
	struct host_look look;

	if (!host)
		return -ENOENT;
	host_look(lineage->api->fleet, host, api_now(), &look);
	if (!lineage->begun) {
		json_object_begin(out);
		json_key(out, "lineage");
		json_array_begin(out);
		lineage->begun = true;
	}
	while (lineage->left > 0 && out->len < CONNECTION_PIECE) {
		struct forest_node *node = forest_find(host, lineage->chain[--lineage->left]);

		arena_reset(&lineage->arena);
		if (node && forest_view(node, look.now_ns, &lineage->arena, &view) < 0)
			return -ENOMEM;
		if (node)
			json_process(out, &view);
	}
	if (lineage->left > 0)
		return BODY_MORE;
	json_array_end(out);
	write_notes(lineage, &look, out);
	json_object_end(out);
	json_raw(out, "\n", 1);
	return BODY_DONE;
}

static int lineage_produce(struct body *body, struct json *out)
{
	struct lineage_body *lineage = (struct lineage_body *)(void *)body;
	size_t shard = fleet_shard_of(lineage->api->fleet, &lineage->boot);
	int r;

	fleet_enter_shard(lineage->api->fleet, shard);
	r = produce_slice(lineage, out);
	fleet_leave_shard(lineage->api->fleet, shard);
	return r;
}

static void lineage_destroy(struct body *body)
{
	struct lineage_body *lineage = (struct lineage_body *)(void *)body;

	arena_finish(&lineage->arena);
	free(lineage->chain);
	free(lineage);
}

static const struct body_type lineage_type = {.produce = lineage_produce, .destroy = lineage_destroy};

/* A root that is no orphan of our knowledge: init, or whatever the kernel itself has started. */
static bool is_rooted(const struct forest_node *root, struct arena *arena)
{
	struct process_view view;

	if (forest_node_key(root).tgid <= 2) /* 2 is kthreadd */
		return true;
	return forest_view(root, 0, arena, &view) == 0 && !(view.quality & QUALITY_PLACEHOLDER) &&
	       view.parent.tgid == 2;
}

static int take_chain(struct lineage_body *lineage, const struct forest_node *node)
{
	struct forest_host_info info;
	size_t count = 0;

	forest_host_info(forest_node_host(node), &info);
	lineage->boot = info.boot;
	lineage->chain = calloc(LINEAGE_MAX, sizeof(*lineage->chain));
	if (!lineage->chain)
		return -ENOMEM;
	for (; node && count < LINEAGE_MAX; node = forest_parent(node)) {
		lineage->chain[count++] = forest_node_key(node);
		if (!forest_parent(node))
			lineage->rooted = is_rooted(node, &lineage->arena);
	}
	lineage->cut = node;
	lineage->left = count;
	return 0;
}

/* NULL: answered with the error. */
static struct lineage_body *begin_lineage(struct api *api, struct connection *connection, struct bytes id)
{
	struct forest_node *node = find(api, connection, id);
	struct lineage_body *lineage;

	if (!node)
		return NULL;
	lineage = calloc(1, sizeof(*lineage));
	if (!lineage) {
		api_fail_errno(connection, -ENOMEM);
		return NULL;
	}
	*lineage = (struct lineage_body){.body.type = &lineage_type, .api = api};
	if (take_chain(lineage, node) < 0) {
		lineage_destroy(&lineage->body);
		api_fail_errno(connection, -ENOMEM);
		return NULL;
	}
	return lineage;
}

void process_lineage(struct api *api, struct connection *connection, struct bytes id)
{
	struct lineage_body *lineage;

	fleet_enter(api->fleet);
	lineage = begin_lineage(api, connection, id);
	fleet_leave(api->fleet);
	if (lineage)
		connection_stream(connection, RESPONSE_JSON, &lineage->body);
}
