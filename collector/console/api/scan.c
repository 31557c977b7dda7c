/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that the filter rules out by name or tag are stepped over whole. */
#include "collector/console/api/scan.h"

#include <errno.h>

#include "collector/console/api/api.h"

#define SCAN_STEPS 16u /* processes between two looks at the clock */

void scan_init(struct scan *scan, const struct fleet *fleet, const struct query *query)
{
	*scan = (struct scan){.fleet = fleet, .query = query};
}

void scan_finish(struct scan *scan)
{
	arena_finish(&scan->arena);
}

bool scan_wants_host(const struct query *query, const struct forest_host_info *info)
{
	struct process_view view = host_as_view(info);
	struct arena scratch = ARENA_NULL;
	bool wanted;

	if (query->host.data && !host_is_named(info, query->host))
		return false;
	wanted = filter_judge_host(query->filter, &view, &scratch) != FILTER_NONE;
	arena_finish(&scratch);
	return wanted;
}

/* ---- ancestors ----------------------------------------------------------------------------------------------- */

/* Remembers how far up it has been, so that asking for one after the other costs a step each. */
struct kin {
	const struct forest_node *node, *at;
	uint32_t n; /* at is the n-th ancestor */
	struct arena *arena;
};

static bool kin_ancestor(void *owner, uint32_t n, struct process_view *ret)
{
	struct kin *kin = owner;

	if (n < kin->n) {
		kin->at = kin->node;
		kin->n = 0;
	}
	while (kin->at && kin->n < n) {
		kin->at = forest_parent(kin->at);
		kin->n++;
	}
	return kin->at && forest_view(kin->at, 0, kin->arena, ret) == 0;
}

static bool lived_between(const struct process_view *view, int64_t since, int64_t until)
{
	if (view->start_wall_ns != INT64_MIN && view->start_wall_ns > until)
		return false;
	return !view->exited || view->end_wall_ns == INT64_MIN || view->end_wall_ns >= since;
}

bool scan_wants(const struct query *query, bool live_only, const struct forest_node *node,
		const struct process_view *view, struct arena *arena)
{
	struct kin kin = {.node = node, .at = node, .arena = arena};
	struct filter_subject subject = {.view = view, .ancestor = node ? kin_ancestor : NULL, .owner = &kin};

	if (live_only && view->state == PROCESS_EXITED)
		return false;
	return lived_between(view, query->since, query->until) && filter_match(query->filter, &subject, arena);
}

/* ---- the walk ------------------------------------------------------------------------------------------------ */

static void enter_host(struct scan *scan, struct forest_host *host)
{
	struct forest_host_info info;

	scan->node = NULL;
	scan->look.host = host;
	if (!host)
		return;
	forest_host_info(host, &info);
	fleet_place_of(host, &scan->place);
	if (!scan_wants_host(scan->query, &info))
		return;
	host_look(scan->fleet, host, api_now(), &scan->look);
	scan->node = forest_node_next(host, NULL);
}

bool scan_skip_to(struct scan *scan, const struct boot_id *boot, struct process_key key)
{
	struct forest_host *host = fleet_host_find(scan->fleet, boot);

	if (!host)
		return false;
	scan->begun = true;
	fleet_place_of(host, &scan->place);
	scan->key = key;
	return true;
}

void scan_slice(struct scan *scan)
{
	struct process_key behind = scan->key;
	struct forest_host *host;

	scan->deadline = uv_hrtime() + API_SLICE_NS;
	scan->steps = 0;
	if (!scan->begun) {
		scan->begun = true;
		fleet_walk_begin(&scan->walk, scan->fleet, NULL);
		enter_host(scan, fleet_walk_next(&scan->walk));
		return;
	}
	fleet_walk_begin(&scan->walk, scan->fleet, &scan->place);
	host = fleet_host_find(scan->fleet, &scan->place.boot);
	if (!host) { /* forgotten: on with the next one */
		scan->key = (struct process_key){0};
		host = fleet_walk_next(&scan->walk);
	}
	enter_host(scan, host);
	if (!scan->node)
		return;
	if (++behind.tgid == 0)
		behind.start_ns++;
	scan->node = forest_node_at(host, behind);
}

/* Puts scan->node on the next process there is; false at the end of the fleet. */
static bool find_node(struct scan *scan)
{
	while (!scan->node && scan->look.host) {
		scan->key = (struct process_key){0};
		enter_host(scan, fleet_walk_next(&scan->walk));
	}
	return scan->node;
}

int scan_next(struct scan *scan, struct process_view *ret, struct forest_node **ret_node)
{
	while (find_node(scan)) {
		struct forest_node *node = scan->node;
		int r;

		if (scan->steps++ % SCAN_STEPS == SCAN_STEPS - 1 && uv_hrtime() > scan->deadline)
			return SCAN_E_PAUSE;
		scan->key = forest_node_key(node);
		scan->node = forest_node_next(scan->look.host, node);
		arena_reset(&scan->arena);
		r = forest_view(node, scan->look.now_ns, &scan->arena, ret);
		if (r < 0)
			return r;
		if (!scan->all && !scan_wants(scan->query, false, node, ret, &scan->arena))
			continue;
		if (ret_node)
			*ret_node = node;
		return 0;
	}
	return SCAN_E_END;
}

struct noting {
	const struct fleet *fleet;
	const struct query *query;
	struct incomplete *incomplete;
};

static void note_host(void *owner, struct forest_host *host)
{
	const struct noting *noting = owner;
	struct host_look look;

	host_look(noting->fleet, host, api_now(), &look);
	if (scan_wants_host(noting->query, &look.info))
		incomplete_host(noting->incomplete, &look, noting->query->since, noting->query->until);
}

void scan_incomplete(const struct fleet *fleet, const struct query *query, struct incomplete *incomplete)
{
	struct noting noting = {fleet, query, incomplete};

	fleet_each_host(fleet, note_host, &noting);
}
