/* SPDX-License-Identifier: Apache-2.0 */
/* Each follower has a reader of the journal of its own, which is woken when something has become durable. Nothing is
 * queued for anybody: who reads slowly reads the journal later.
 *
 * The cursor is POSITION.INDEX: a record of the journal, and the item in it (facts first, then gaps) that was seen
 * last. */
#include "collector/console/api/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/console/api/api.h"
#include "collector/console/api/moment.h"
#include "collector/console/api/scan.h"
#include "proto/model/gap.h"

struct cursor {
	uint64_t position;
	uint64_t index; /* UINT64_MAX: all of the record has been seen */
};

struct follower {
	struct body body;
	struct follower *next, **at; /* in the list of the api */
	struct api *api;
	struct query query;
	struct journal_reader *reader;
	struct arena entry_arena, arena;
	struct journal_entry entry;
	bool has_entry;
	bool wanted;                 /* the entry's host may have what the query asks for */
	uint64_t index;              /* in the entry, of the next item */
	struct cursor seen;          /* last item that was passed, told or not */
	uint64_t changes_seen;       /* of the watch */
	bool begun;
};

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void put(struct json *out, const char *text)
{
	json_raw(out, text, strlen(text));
	out->comma = false;
}

static void put_id(struct json *out, const struct cursor *cursor)
{
	char text[64];

	if (cursor->index == UINT64_MAX)
		(void)snprintf(text, sizeof(text), "id: %" PRIu64 ".all\n", cursor->position);
	else
		(void)snprintf(text, sizeof(text), "id: %" PRIu64 ".%" PRIu64 "\n", cursor->position, cursor->index);
	put(out, text);
}

/* JSON holds no newline of its own, so one data line is enough. */
static void begin_event(struct json *out, const char *type, const struct cursor *cursor, int64_t time)
{
	if (cursor)
		put_id(out, cursor);
	put(out, "event: ");
	put(out, type);
	put(out, "\ndata: ");
	json_object_begin(out);
	json_key(out, "type");
	json_text(out, type);
	json_key(out, "time");
	json_time(out, time);
}

static void end_event(struct json *out)
{
	json_object_end(out);
	put(out, "\n\n");
}

static void write_gap(struct json *out, const struct cursor *cursor, const struct forest_host_info *info,
		      const struct gap *gap, int64_t offset_ns)
{
	char boot[BOOT_ID_TEXT];

	boot_id_format(&info->boot, boot);
	begin_event(out, "gap", cursor, (int64_t)gap->to_ns + offset_ns);
	json_key(out, "host");
	if (info->hostname.len)
		json_string(out, info->hostname);
	else
		json_null(out);
	json_key(out, "boot_id");
	json_text(out, boot);
	json_key(out, "from");
	json_time(out, (int64_t)gap->from_ns + offset_ns);
	json_key(out, "to");
	json_time(out, (int64_t)gap->to_ns + offset_ns);
	json_key(out, "lost_type");
	json_text(out, host_fact_word(gap->type));
	json_key(out, "count");
	if (gap->count)
		json_uint(out, gap->count);
	else
		json_null(out);
	json_key(out, "reason");
	json_text(out, gap_reason_word(gap->reason));
	end_event(out);
}

/* Records that the journal no longer has, or has lost: whose facts they held is not known. */
static void write_hole(struct json *out, const struct cursor *cursor, bool retention)
{
	begin_event(out, "gap", cursor, api_now());
	put(out,
	    ",\"host\":null,\"boot_id\":null,\"from\":null,\"to\":null,\"lost_type\":null,\"count\":null,\"reason\":");
	json_text(out, retention ? "retention" : "journal_damaged");
	end_event(out);
}

static void write_host(struct json *out, const struct cursor *cursor, const struct host_look *look)
{
	begin_event(out, "host", cursor, api_now());
	host_write_members(out, look);
	end_event(out);
}

/* ---- items --------------------------------------------------------------------------------------------------- */

static int tell_fact(struct follower *f, const struct fact *fact, struct json *out)
{
	const struct batch *batch = &f->entry.batch;
	struct forest_host *host = forest_host_find(f->api->fleet->forest, &batch->id.boot);
	const struct forest_node *node = host ? forest_find(host, fact->self) : NULL;
	struct process_view view;
	int r;

	arena_reset(&f->arena);
	r = moment_view(host, node, fact, batch->boottime_to_wall_ns, &f->arena, &view);
	if (r < 0)
		return r;
	if (!host)
		view.boot = batch->id.boot;
	if (!scan_wants(&f->query, false, node, &view, &f->arena))
		return 0;
	begin_event(out, host_fact_word(fact->type), &f->seen, (int64_t)fact->time_ns + batch->boottime_to_wall_ns);
	json_process_members(out, &view);
	end_event(out);
	return 0;
}

static void batch_host_info(const struct follower *f, struct forest_host_info *ret)
{
	struct forest_host *host = forest_host_find(f->api->fleet->forest, &f->entry.batch.id.boot);

	*ret = (struct forest_host_info){.boot = f->entry.batch.id.boot};
	if (host)
		forest_host_info(host, ret);
}

static void tell_gap(struct follower *f, const struct gap *gap, struct json *out)
{
	struct forest_host_info info;

	batch_host_info(f, &info);
	write_gap(out, &f->seen, &info, gap, f->entry.batch.boottime_to_wall_ns);
}

static void tell_host(struct follower *f, const struct boot_id *boot, const struct cursor *cursor, struct json *out)
{
	struct forest_host *host = forest_host_find(f->api->fleet->forest, boot);
	struct host_look look;

	if (!host)
		return;
	host_look(f->api->fleet, host, api_now(), &look);
	if (scan_wants_host(&f->query, &look.info))
		write_host(out, cursor, &look);
}

static uint64_t item_count(const struct journal_entry *entry)
{
	return entry->type == JOURNAL_BATCH ? entry->batch.fact_count + entry->batch.gap_count : 1;
}

static int tell_item(struct follower *f, struct json *out)
{
	const struct batch *batch = &f->entry.batch;
	uint64_t index = f->index++;

	f->seen = (struct cursor){f->entry.position, index};
	if (f->entry.type == JOURNAL_HOST) {
		tell_host(f, &f->entry.hello.boot, &f->seen, out);
		return 0;
	}
	if (!f->wanted)
		return 0;
	if (index >= batch->fact_count) {
		if (journal_is_new_gap(&f->entry, index - batch->fact_count))
			tell_gap(f, &batch->gaps[index - batch->fact_count], out);
		return 0;
	}
	return journal_is_new(&f->entry, index) ? tell_fact(f, &batch->facts[index], out) : 0;
}

/* ---- following ----------------------------------------------------------------------------------------------- */

/* Reads the next record. Returns 0, JOURNAL_E_END or -errno; a hole is told and read over. */
static int read_entry(struct follower *f, struct json *out)
{
	int r;

	arena_reset(&f->entry_arena);
	while ((r = journal_reader_next(f->reader, &f->entry_arena, &f->entry)) == JOURNAL_E_HOLE) {
		bool retention = f->entry.position <= journal_first(f->api->fleet->journal);

		f->seen = (struct cursor){f->entry.position - 1, UINT64_MAX};
		write_hole(out, &f->seen, retention);
	}
	if (r)
		return r;
	f->has_entry = true;
	if (f->entry.type == JOURNAL_BATCH) {
		struct forest_host_info info;

		batch_host_info(f, &info);
		f->wanted = scan_wants_host(&f->query, &info);
	}
	f->index = f->entry.position == f->seen.position ? f->seen.index + 1
							 : 0; /* 0 also behind UINT64_MAX, see open_reader */
	return 0;
}

static void tell_changes(struct follower *f, struct json *out)
{
	const struct watch *watch = &f->api->watch;

	if (watch->change_count - f->changes_seen > WATCH_CHANGES_MAX)
		f->changes_seen = watch->change_count - WATCH_CHANGES_MAX;
	while (f->changes_seen < watch->change_count)
		tell_host(f, &watch->changes[f->changes_seen++ % WATCH_CHANGES_MAX].boot, NULL, out);
}

static void begin(struct follower *f, struct json *out)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "retry: %u\n", EVENTS_RETRY_MS);
	put(out, text);
	put_id(out, &f->seen);
	put(out, "\n");
	f->begun = true;
}

static int produce(struct body *body, struct json *out)
{
	struct follower *f = (struct follower *)(void *)body;
	uint64_t deadline = uv_hrtime() + API_SLICE_NS;
	int r;

	if (!f->begun)
		begin(f, out);
	tell_changes(f, out);
	while (out->len < CONNECTION_PIECE) {
		if (f->has_entry && f->index >= item_count(&f->entry)) {
			f->has_entry = false;
			f->seen = (struct cursor){f->entry.position, UINT64_MAX};
		}
		r = f->has_entry ? tell_item(f, out) : read_entry(f, out);
		if (r == JOURNAL_E_END)
			return BODY_WAIT;
		if (r < 0)
			return r;
		if (uv_hrtime() > deadline)
			break;
	}
	return BODY_MORE;
}

/* The id lets a follower of something rare go on from here, although it was told nothing since long ago. */
static void tick(struct body *body, struct json *out)
{
	struct follower *f = (struct follower *)(void *)body;

	put(out, ": still here\n");
	put_id(out, &f->seen);
	put(out, "\n");
}

static void destroy(struct body *body)
{
	struct follower *f = (struct follower *)(void *)body;

	if (f->at) {
		*f->at = f->next;
		if (f->next)
			f->next->at = f->at;
		if (--f->api->follower_count == 0)
			watch_stop(&f->api->watch);
	}
	journal_reader_close(f->reader);
	arena_finish(&f->entry_arena);
	arena_finish(&f->arena);
	query_finish(&f->query);
	free(f);
}

static const struct body_type follower_type = {.produce = produce, .tick = tick, .destroy = destroy};

void events_wake(struct api *api)
{
	struct follower *f = api->followers, *next;

	for (; f; f = next) {
		next = f->next; /* waking may end it */
		if (f->body.connection)
			connection_wake(f->body.connection);
	}
}

/* ---- request ------------------------------------------------------------------------------------------------- */

static bool take_number(struct bytes *text, uint64_t *ret)
{
	uint64_t value = 0;
	uint32_t i = 0;

	for (; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text->data[i] - '0'), &value))
			return false;
	*text = bytes_make(text->data + i, text->len - i);
	*ret = value;
	return i > 0;
}

static int parse_cursor(struct bytes text, struct cursor *ret)
{
	struct cursor cursor;

	if (!take_number(&text, &cursor.position) || text.len < 2 || text.data[0] != '.')
		return -EINVAL;
	text = bytes_make(text.data + 1, text.len - 1);
	if (bytes_equal(text, BYTES_LITERAL("all")))
		cursor.index = UINT64_MAX;
	else if (!take_number(&text, &cursor.index) || text.len > 0)
		return -EINVAL;
	*ret = cursor;
	return 0;
}

/* A record that was seen to its end is not read again. */
static int open_reader(struct follower *f)
{
	uint64_t from = f->seen.position + (f->seen.index == UINT64_MAX);

	return journal_reader_open(&f->reader, f->api->fleet->journal, from ? from : 1);
}

/* true, or answered with an error */
static bool start(struct follower *f, struct connection *connection)
{
	uint64_t durable = journal_durable(f->api->fleet->journal);
	int r;

	f->seen = (struct cursor){durable, UINT64_MAX};
	if (f->query.cursor.data && parse_cursor(f->query.cursor, &f->seen) < 0) {
		api_fail(connection, 400, "bad_cursor", "the cursor is no place in the stream",
			 "it is the id of an event, POSITION.INDEX; 0.0 is the beginning, none is now");
		return false;
	}
	if (f->seen.position > durable) {
		api_fail(
		    connection, 410, "bad_cursor",
		    "the cursor is ahead of the journal: it is of another collector, or of one whose state was lost",
		    "follow without a cursor to begin now, or from 0.0");
		return false;
	}
	r = open_reader(f);
	if (r < 0)
		api_fail_errno(connection, r);
	return r == 0;
}

void events_follow(struct api *api, struct connection *connection, const struct request *request)
{
	static const char *const known[] = {"filter", "cursor", "host", NULL};
	struct follower *f;

	if (api->follower_count >= api->options.followers_max) {
		api_fail(connection, 503, "too_many_followers", "as many follow the events as this collector allows",
			 "try again when one has left");
		return;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	*f = (struct follower){.body.type = &follower_type, .api = api, .changes_seen = api->watch.change_count};
	if (!query_read(&f->query, connection, request, known) || !start(f, connection)) {
		destroy(&f->body);
		return;
	}
	f->next = api->followers;
	f->at = &api->followers;
	if (f->next)
		f->next->at = &f->next;
	api->followers = f;
	if (api->follower_count++ == 0)
		watch_start(&api->watch);
	connection_stream(connection, RESPONSE_EVENTS, &f->body);
}
