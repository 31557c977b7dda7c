/* SPDX-License-Identifier: Apache-2.0 */
/* In the forest's own order a page is written while the walk goes on. In any other order the walk fills a bounded heap first, of which
 * a page is then taken. What is left of the heap is kept for a while, so that a list of many pages is ranked once; where it
 * is gone, or was not large enough for all, the next page walks again and ranks what stands behind the last one of this page. The cursor
 * says which one that is, so that it never runs out. */
#include "collector/console/api/processes.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/api/api.h"
#include "collector/console/api/rank.h"
#include "collector/console/api/scan.h"

#define LIST_ORDER_STEPS 8192u /* some half a millisecond */

enum phase {
	PHASE_BEGIN,
	PHASE_RANK,  /* sorted: fill the heap */
	PHASE_ORDER,
	PHASE_PAGE,  /* write what was found */
	PHASE_PEEK,  /* the page is full: is there more? */
	PHASE_END,
};

struct list_body {
	struct body body;
	struct api *api;
	struct query query;
	struct scan scan;
	struct rank rank;           /* sorted: what is to come */
	struct rank_entry after;    /* sorted: the last one written or, before that, of the page before; when has_after */
	bool has_after;
	struct json question;       /* sorted: all parameters that decide the list */
	enum phase phase;
	uint32_t count;             /* written */
	char next[RANK_TEXT_MAX];   /* cursor of the last one written; empty while there is none */
	bool more;
};

static bool is_full(const struct list_body *list)
{
	return list->count == list->query.limit;
}

static void write_process(struct list_body *list, struct json *out, const struct process_view *view)
{
	json_process(out, view);
	list->count++;
	if (!list->query.sort)
		process_id_format(&view->boot, view->self, list->next);
}

static struct bytes question_of(const struct list_body *list)
{
	return bytes_make(list->question.data, list->question.len);
}

/* ---- phases: each returns 0 to go on with list->phase, SCAN_E_PAUSE to be called again, or -errno --------------- */

static int begin(struct list_body *list, struct json *out)
{
	json_object_begin(out);
	json_key(out, "processes");
	json_array_begin(out);
	list->phase = PHASE_PAGE;
	if (!list->query.sort)
		return 0;
	if (list->has_after && rankings_take(&list->api->rankings, question_of(list), &list->after, uv_hrtime(), &list->rank))
		return 0;
	rank_init(&list->rank, RANK_ENTRIES_MAX, list->query.descending);
	list->phase = PHASE_RANK;
	return 0;
}

static int fill_rank(struct list_body *list)
{
	const struct field *field = list->query.sort;
	struct process_view view;
	struct rank_entry entry;
	int r;

	while ((r = scan_next(&list->scan, &view, NULL)) == 0) {
		rank_entry_fill(&entry, field, field->get(&view, &list->scan.arena), &view.boot, view.self);
		if (!list->has_after || rank_compare(&entry, &list->after, list->query.descending) > 0)
			r = rank_add(&list->rank, &entry);
		if (r < 0)
			return r;
	}
	if (r != SCAN_E_END)
		return r;
	list->phase = PHASE_ORDER;
	return 0;
}

static int order(struct list_body *list)
{
	if (!rank_order(&list->rank, LIST_ORDER_STEPS))
		return SCAN_E_PAUSE;
	list->phase = PHASE_PAGE;
	return 0;
}

/* One that was evicted since it was ranked is left out, and so is one that the question is no longer true of. */
static int write_ranked(struct list_body *list, struct json *out)
{
	struct forest_host *host;
	struct forest_node *node;
	struct process_view view;
	struct host_look look;
	int r;

	if (!rank_next(&list->rank, &list->after))
		return SCAN_E_END;
	host = fleet_host_find(list->api->fleet, &list->after.boot);
	node = host ? forest_find(host, list->after.process) : NULL;
	if (!node)
		return 0;
	host_look(list->api->fleet, host, api_now(), &look);
	arena_reset(&list->scan.arena);
	r = forest_view(node, look.now_ns, &list->scan.arena, &view);
	if (r == 0 && scan_wants(&list->query, false, node, &view, &list->scan.arena))
		write_process(list, out, &view);
	return r;
}

static int write_page(struct list_body *list, struct json *out)
{
	struct process_view view;
	int r = 0;

	while (r == 0 && out->len < CONNECTION_PIECE) {
		if (is_full(list)) {
			list->phase = PHASE_PEEK;
			return 0;
		}
		if (list->query.sort) {
			r = write_ranked(list, out);
		} else {
			r = scan_next(&list->scan, &view, NULL);
			if (r == 0)
				write_process(list, out, &view);
		}
	}
	if (r == SCAN_E_END) { /* a ranking that was not large enough for all ends before the list does */
		list->phase = list->query.sort ? PHASE_PEEK : PHASE_END;
		return 0;
	}
	return r ? r : SCAN_E_PAUSE;
}

static int peek(struct list_body *list)
{
	struct process_view view;
	int r;

	if (list->query.sort) {
		list->more = list->rank.count > 0 || list->rank.left_out;
		list->phase = PHASE_END;
		return 0;
	}
	r = scan_next(&list->scan, &view, NULL);
	if (r == SCAN_E_PAUSE || r < 0)
		return r;
	list->more = r == 0;
	list->phase = PHASE_END;
	return 0;
}

static void end(struct list_body *list, struct json *out)
{
	struct incomplete incomplete;

	if (list->query.sort && list->more) {
		rank_entry_format(&list->after, list->next);
		if (list->rank.count > 0)
			rankings_keep(&list->api->rankings, question_of(list), &list->after, uv_hrtime(), &list->rank);
	}
	json_array_end(out);
	json_key(out, "next");
	json_text(out, list->more ? list->next : NULL);
	incomplete_begin(&incomplete, out);
	scan_incomplete(list->api->fleet, &list->query, &incomplete);
	incomplete_end(&incomplete);
	json_object_end(out);
	json_raw(out, "\n", 1);
}

static int list_produce(struct body *body, struct json *out)
{
	struct list_body *list = (struct list_body *)(void *)body;
	int r = 0;

	fleet_enter(list->api->fleet);
	scan_slice(&list->scan);
	while (r == 0 && list->phase != PHASE_END) {
		switch (list->phase) {
		case PHASE_BEGIN:
			r = begin(list, out);
			break;
		case PHASE_RANK:
			r = fill_rank(list);
			break;
		case PHASE_ORDER:
			r = order(list);
			break;
		case PHASE_PAGE:
			r = write_page(list, out);
			break;
		default:
			r = peek(list);
			break;
		}
	}
	fleet_leave(list->api->fleet);
	if (r < 0)
		return r;
	if (r == SCAN_E_PAUSE)
		return BODY_MORE;
	end(list, out);
	return BODY_DONE;
}

static void list_destroy(struct body *body)
{
	struct list_body *list = (struct list_body *)(void *)body;

	scan_finish(&list->scan);
	rank_finish(&list->rank);
	json_finish(&list->question);
	query_finish(&list->query);
	free(list);
}

static const struct body_type list_type = {.produce = list_produce, .destroy = list_destroy};

/* ---- request ------------------------------------------------------------------------------------------------- */

/* The cursor is the identity of the last one, with its key before it when the list is sorted. */
static int read_cursor(struct list_body *list)
{
	struct process_ref ref;
	struct boot_id boot;
	bool known;

	if (!list->query.cursor.data)
		return 0;
	if (list->query.sort) {
		list->has_after = true;
		return rank_entry_parse(list->query.cursor, &list->after);
	}
	if (process_ref_parse(list->query.cursor, &ref) < 0 || ref.boot_nibbles != 2 * BOOT_ID_BYTES)
		return -EINVAL;
	memcpy(boot.octets, ref.boot_prefix, sizeof(boot.octets));
	fleet_enter(list->api->fleet);
	known = scan_skip_to(&list->scan, &boot, ref.key);
	fleet_leave(list->api->fleet);
	return known ? 0 : -EINVAL;
}

/* Length and bytes of each parameter but those that differ from page to page: two questions are the same when these bytes are. */
static bool write_question(struct list_body *list, const struct request *request)
{
	for (size_t i = 0; i < request->parameter_count; i++) {
		const struct request_parameter *p = &request->parameters[i];

		if (bytes_equal(p->name, BYTES_LITERAL("cursor")) || bytes_equal(p->name, BYTES_LITERAL("limit")))
			continue;
		json_string(&list->question, p->name);
		json_string(&list->question, p->value);
	}
	return !list->question.failed;
}

void processes_list(struct api *api, struct connection *connection, const struct request *request)
{
	static const char *const known[] = {"filter", "since", "until", "limit", "sort", "cursor", "host", NULL};
	struct list_body *list = calloc(1, sizeof(*list));

	if (!list) {
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	list->body.type = &list_type;
	list->api = api;
	if (!query_read(&list->query, connection, request, known)) {
		free(list);
		return;
	}
	scan_init(&list->scan, api->fleet, &list->query);
	if (list->query.sort && !write_question(list, request)) {
		list_destroy(&list->body);
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	if (read_cursor(list) < 0) {
		list_destroy(&list->body);
		api_fail(connection, 400, "bad_cursor", "the cursor is none of this list",
			 "take it from \"next\" of an answer with the same sort, or begin anew");
		return;
	}
	connection_stream(connection, RESPONSE_JSON, &list->body);
}
