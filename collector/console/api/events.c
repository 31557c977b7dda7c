/* SPDX-License-Identifier: Apache-2.0 */
/* Each follower has a reader of its own of each shard's journal, which is woken when something has become durable.
 * Nothing is queued for anybody: who reads slowly reads the journal later. Records of several journals have no order
 * among each other; one shard after the other is read for as long as it has something, a slice at a time.
 *
 * The cursor is POSITION.INDEX for each shard, with '-' in between: a record of the journal, and the item in it (facts
 * first, then gaps) that was seen last. A shard that it does not speak of was begun later: from its beginning. */
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
	struct journal_reader *readers[FLEET_SHARDS_MAX];
	size_t shard;                /* that is being read */
	struct arena entry_arena, arena;
	struct journal_entry entry;  /* of that shard */
	bool has_entry;
	bool wanted;                 /* the entry's host may have what the query asks for */
	uint64_t index;              /* in the entry, of the next item */
	struct cursor seen[FLEET_SHARDS_MAX]; /* last item of each shard that was passed, told or not */
	uint64_t changes_seen;       /* of the watch */
	bool begun;
};

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void put(struct json *out, const char *text)
{
	json_raw(out, text, strlen(text));
	out->comma = false;
}

static void put_id(struct json *out, const struct follower *f)
{
	char text[64];

	for (size_t i = 0; i < f->api->fleet->shard_count; i++) {
		const struct cursor *cursor = &f->seen[i];

		put(out, i ? "-" : "id: ");
		if (cursor->index == UINT64_MAX)
			(void)snprintf(text, sizeof(text), "%" PRIu64 ".all", cursor->position);
		else
			(void)snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64, cursor->position, cursor->index);
		put(out, text);
	}
	put(out, "\n");
}

/* JSON holds no newline of its own, so one data line is enough. cursor NULL: what is told has no place in a journal. */
static void begin_event(struct json *out, const char *type, const struct follower *cursor, int64_t time)
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

static void write_gap(struct json *out, const struct follower *cursor, const struct forest_host_info *info,
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
static void write_hole(struct json *out, const struct follower *cursor, bool retention)
{
	begin_event(out, "gap", cursor, api_now());
	put(out,
	    ",\"host\":null,\"boot_id\":null,\"from\":null,\"to\":null,\"lost_type\":null,\"count\":null,\"reason\":");
	json_text(out, retention ? "retention" : "journal_damaged");
	end_event(out);
}

static void write_host(struct json *out, const struct follower *cursor, const struct host_look *look)
{
	begin_event(out, "host", cursor, api_now());
	host_write_members(out, look);
	end_event(out);
}

/* ---- items, inside their shard --------------------------------------------------------------------------------------------------- */

static struct forest *forest_of(const struct follower *f)
{
	return f->api->fleet->shards[f->shard].forest;
}

static int tell_fact(struct follower *f, const struct fact *fact, struct json *out)
{
	const struct batch *batch = &f->entry.batch;
	struct forest_host *host = forest_host_find(forest_of(f), &batch->id.boot);
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
	begin_event(out, host_fact_word(fact->type), f, (int64_t)fact->time_ns + batch->boottime_to_wall_ns);
	json_process_members(out, &view);
	end_event(out);
	return 0;
}

static void batch_host_info(const struct follower *f, struct forest_host_info *ret)
{
	struct forest_host *host = forest_host_find(forest_of(f), &f->entry.batch.id.boot);

	*ret = (struct forest_host_info){.boot = f->entry.batch.id.boot};
	if (host)
		forest_host_info(host, ret);
}

static void tell_gap(struct follower *f, const struct gap *gap, struct json *out)
{
	struct forest_host_info info;

	batch_host_info(f, &info);
	write_gap(out, f, &info, gap, f->entry.batch.boottime_to_wall_ns);
}

static void tell_host(struct follower *f, const struct boot_id *boot, const struct follower *cursor, struct json *out)
{
	const struct fleet *fleet = f->api->fleet;
	struct forest_host *host;
	struct host_look look;

	/* Forgotten here, it may have begun anew in its home shard, whose gate a reader of this journal does not hold. */
	if (cursor && fleet_shard_of(fleet, boot) != f->shard)
		return;
	host = fleet_host_find(fleet, boot);
	if (!host)
		return;
	host_look(f->api->fleet, host, api_now(), &look);
	if (scan_wants_host(&f->query, &look.info))
		write_host(out, cursor, &look);
}

static uint64_t item_count(const struct journal_entry *entry)
{
	if (journal_is_checkpoint(entry))
		return 0; /* tells nothing that was not told before */
	return entry->type == JOURNAL_BATCH ? entry->batch.fact_count + entry->batch.gap_count : 1;
}

static int tell_item(struct follower *f, struct json *out)
{
	const struct batch *batch = &f->entry.batch;
	uint64_t index = f->index++;

	f->seen[f->shard] = (struct cursor){f->entry.position, index};
	if (f->entry.type == JOURNAL_HOST) {
		tell_host(f, &f->entry.hello.boot, f, out);
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
	struct cursor *seen = &f->seen[f->shard];
	int r;

	arena_reset(&f->entry_arena);
	while ((r = journal_reader_next(f->readers[f->shard], &f->entry_arena, &f->entry)) == JOURNAL_E_HOLE) {
		bool retention = f->entry.position <= journal_first(f->api->fleet->shards[f->shard].journal);

		*seen = (struct cursor){f->entry.position - 1, UINT64_MAX};
		write_hole(out, f, retention);
	}
	if (r)
		return r;
	f->has_entry = true;
	if (f->entry.type == JOURNAL_BATCH) {
		struct forest_host_info info;

		batch_host_info(f, &info);
		f->wanted = scan_wants_host(&f->query, &info);
	}
	/* 0 also behind UINT64_MAX, see open_readers */
	f->index = f->entry.position == seen->position ? seen->index + 1 : 0;
	return 0;
}

static void tell_changes(struct follower *f, struct json *out)
{
	const struct watch *watch = &f->api->watch;

	if (watch->change_count == f->changes_seen)
		return;
	if (watch->change_count - f->changes_seen > WATCH_CHANGES_MAX)
		f->changes_seen = watch->change_count - WATCH_CHANGES_MAX;
	fleet_enter(f->api->fleet);
	while (f->changes_seen < watch->change_count)
		tell_host(f, &watch->changes[f->changes_seen++ % WATCH_CHANGES_MAX].boot, NULL, out);
	fleet_leave(f->api->fleet);
}

static void begin(struct follower *f, struct json *out)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "retry: %u\n", EVENTS_RETRY_MS);
	put(out, text);
	put_id(out, f);
	put(out, "\n");
	f->begun = true;
}

/* Reads the shard until it has nothing more (JOURNAL_E_END), the piece is full or time is up (0), or an error. */
static int read_shard(struct follower *f, uint64_t deadline, struct json *out)
{
	while (out->len < CONNECTION_PIECE) {
		int r;

		if (f->has_entry && f->index >= item_count(&f->entry)) {
			f->has_entry = false;
			f->seen[f->shard] = (struct cursor){f->entry.position, UINT64_MAX};
		}
		r = f->has_entry ? tell_item(f, out) : read_entry(f, out);
		if (r != 0)
			return r;
		if (uv_hrtime() > deadline)
			break;
	}
	return 0;
}

/* Goes round the shards until none has anything more. A record is read to its end before the next shard's turn. */
static int produce(struct body *body, struct json *out)
{
	struct follower *f = (struct follower *)(void *)body;
	const struct fleet *fleet = f->api->fleet;
	uint64_t deadline = uv_hrtime() + API_SLICE_NS;

	if (!f->begun)
		begin(f, out);
	tell_changes(f, out);
	for (size_t quiet = 0; quiet < fleet->shard_count; quiet++) {
		int r;

		fleet_enter_shard(fleet, f->shard);
		r = read_shard(f, deadline, out);
		fleet_leave_shard(fleet, f->shard);
		if (r < 0)
			return r;
		if (!f->has_entry)
			f->shard = (f->shard + 1) % fleet->shard_count;
		if (r == 0)
			return BODY_MORE;
	}
	return BODY_WAIT;
}

/* The id lets a follower of something rare go on from here, although it was told nothing since long ago. */
static void tick(struct body *body, struct json *out)
{
	struct follower *f = (struct follower *)(void *)body;

	put(out, ": still here\n");
	put_id(out, f);
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
	for (size_t i = 0; i < f->api->fleet->shard_count; i++) {
		fleet_enter_shard(f->api->fleet, i);
		journal_reader_close(f->readers[i]);
		fleet_leave_shard(f->api->fleet, i);
	}
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

/* One shard's part, up to a '-' or the end. */
static int parse_part(struct bytes *text, struct cursor *ret)
{
	static const struct bytes all = BYTES_LITERAL("all");
	struct cursor cursor;

	if (!take_number(text, &cursor.position) || text->len < 2 || text->data[0] != '.')
		return -EINVAL;
	*text = bytes_make(text->data + 1, text->len - 1);
	if (text->len >= all.len && memcmp(text->data, all.data, all.len) == 0) {
		cursor.index = UINT64_MAX;
		*text = bytes_make(text->data + all.len, text->len - all.len);
	} else if (!take_number(text, &cursor.index)) {
		return -EINVAL;
	}
	*ret = cursor;
	return 0;
}

static int parse_cursor(struct bytes text, struct cursor *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct cursor){0};
		if (i > 0 && text.len == 0)
			continue;
		if (i > 0 && (text.data[0] != '-' || text.len == 1))
			return -EINVAL;
		if (i > 0)
			text = bytes_make(text.data + 1, text.len - 1);
		if (parse_part(&text, &ret[i]) < 0)
			return -EINVAL;
	}
	return text.len > 0 ? -EINVAL : 0;
}

/* Inside. A record that was seen to its end is not read again. Returns 0, -ERANGE (the cursor is ahead) or -errno. */
static int open_reader(struct follower *f, size_t shard)
{
	struct journal *journal = f->api->fleet->shards[shard].journal;
	struct cursor *seen = &f->seen[shard];
	uint64_t from;

	if (!f->query.cursor.data)
		*seen = (struct cursor){journal_durable(journal), UINT64_MAX};
	if (seen->position > journal_durable(journal))
		return -ERANGE;
	from = seen->position + (seen->index == UINT64_MAX);
	return journal_reader_open(&f->readers[shard], journal, from ? from : 1);
}

static int open_readers(struct follower *f)
{
	const struct fleet *fleet = f->api->fleet;
	int r = 0;

	for (size_t i = 0; r == 0 && i < fleet->shard_count; i++) {
		fleet_enter_shard(fleet, i);
		r = open_reader(f, i);
		fleet_leave_shard(fleet, i);
	}
	return r;
}

/* true, or answered with an error */
static bool start(struct follower *f, struct connection *connection)
{
	int r;

	if (f->query.cursor.data && parse_cursor(f->query.cursor, f->seen, f->api->fleet->shard_count) < 0) {
		api_fail(connection, 400, "bad_cursor", "the cursor is no place in the stream",
			 "it is the id of an event, POSITION.INDEX; 0.0 is the beginning, none is now");
		return false;
	}
	r = open_readers(f);
	if (r == -ERANGE)
		api_fail(
		    connection, 410, "bad_cursor",
		    "the cursor is ahead of the journal: it is of another collector, or of one whose state was lost",
		    "follow without a cursor to begin now, or from 0.0");
	else if (r < 0)
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
