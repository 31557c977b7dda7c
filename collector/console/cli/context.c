/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are put together here, so that filters, times and identities mean the same for every command. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector/console/cli/context.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"
#include "collector/console/cli/timefmt.h"

/* Members asked for at once: big enough that the round trips do not show, small enough to begin printing soon. */
#define PAGE_LIMIT 1000

struct face context_face(const struct context *context)
{
	const struct terminal *terminal = &context->terminal;

	return (struct face){
		.utf8 = terminal->utf8,
		.full = context->options.output == OUTPUT_WIDE,
		.raw = context->options.output == OUTPUT_CSV,
		.now = context->now,
	};
}

int context_fail(int err)
{
	if (err == -EPIPE)
		return EXIT_OK;
	if (err == -EBADMSG)
		message("the server's answer is not what this version understands; is this the collector's interface?");
	else
		message("%s", strerror(-err));
	return EXIT_SERVER;
}

int context_result(const struct context *context, uint64_t count)
{
	if (context->incomplete && context->options.strict)
		return EXIT_INCOMPLETE;
	return count ? EXIT_OK : EXIT_NOTHING;
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

int context_add_time(const struct context *context, struct text *path, const char *name, const char *value)
{
	struct text moment = TEXT_NULL;
	int64_t ns;

	if (!value)
		return 0;
	if (timefmt_parse(value, context->now, &ns) < 0) {
		message("--%s does not take '%s': a time reads '10m ago', yesterday, '2026-11-22 12:01', @1795348867",
			name, value);
		return EXIT_USAGE;
	}
	timefmt_add_rfc3339(&moment, ns);
	client_add_query(path, name, text_bytes(&moment));
	text_finish(&moment);
	return 0;
}

void context_add_filter(const struct context *context, struct text *path, size_t *ret_shift)
{
	const struct options *options = &context->options;
	const char *words = text_string(&options->filter);
	struct text filter = TEXT_NULL;

	*ret_shift = options->filter.len && options->alive;
	if (*ret_shift)
		text_printf(&filter, "(%s) and proc.alive = true", words);
	else
		text_puts(&filter, options->alive ? "proc.alive = true" : words);
	if (filter.len)
		client_add_query(path, "filter", text_bytes(&filter));
	if (options->host)
		client_add_query(path, "host", bytes_from_string(options->host));
	path->failed |= filter.failed;
	text_finish(&filter);
}

int context_get(struct context *context, const struct text *path, size_t shift, struct transfer *ret)
{
	int err = path->failed ? -ENOMEM : client_get(&context->client, text_string(path), ret), code;

	if (err) {
		transfer_end(ret);
		return context_fail(err);
	}
	if (transfer_ok(ret))
		return 0;
	code = client_explain(ret, text_string(&context->options.filter), shift);
	transfer_end(ret);
	return code;
}

int context_get_object(struct context *context, const struct text *path, json_t **ret)
{
	struct transfer transfer = TRANSFER_NULL;
	int code = context_get(context, path, 0, &transfer);
	json_t *answer;

	if (code)
		return code;
	answer = object_parse(transfer.body.data, transfer.body.len);
	transfer_end(&transfer);
	if (!json_is_object(answer)) {
		json_decref(answer);
		return context_fail(-EBADMSG);
	}
	*ret = answer;
	return 0;
}

void context_note_incomplete(struct context *context, const json_t *answer)
{
	const json_t *list = object_at(answer, "incomplete"), *item;
	size_t i;

	/* behind the answer, also where both go to the same place */
	(void)fflush(stdout);
	json_array_foreach(list, i, item) {
		struct bytes host = object_string(item, "host"), why = object_string(item, "message");

		if (!host.len) /* a sensor that gave no name */
			host = object_string(item, "boot_id");
		if (!why.data)
			why = object_string(item, "reason");
		if (json_is_string(item))
			why = bytes_make(json_string_value(item), json_string_length(item));
		message("incomplete: %.*s%s%.*s", (int)host.len, host.len ? host.data : "", host.len ? ": " : "",
			(int)why.len, why.len ? why.data : "");
		context->incomplete = true;
	}
}

/* ---- lists ---------------------------------------------------------------------------------------------------- */

int context_open_listing(struct context *context, struct listing *ret, const struct column *columns, const char *narrow,
			 const char *wide)
{
	struct text problem = TEXT_NULL;
	int err = listing_open(ret, &context->terminal, context->options.output, columns, context->options.fields,
			       narrow, wide, context->now, stdout, &problem);

	if (err) {
		message("--fields: %s; 'canopy help fields' names all", text_string(&problem));
		listing_close(ret);
	}
	text_finish(&problem);
	return err ? EXIT_USAGE : 0;
}

/* A list that is under way. */
struct walk {
	struct context *context;
	struct listing *listing;
	const char *name;       /* of the list in the answer */
	uint64_t limit;         /* 0 = none */
	size_t shift;
	struct text cursor;     /* where the next page begins; empty = at the beginning, or behind the end */
	json_t *rest;           /* what stood beside the list in the last answer */
};

static bool is_full(const struct walk *walk)
{
	return walk->limit && walk->listing->count >= walk->limit;
}

static int add_page(struct walk *walk, struct bytes document)
{
	struct page page = PAGE_NULL;
	struct bytes object, next;
	int err = page_open(&page, document, walk->name);

	while (!err && !is_full(walk) && page_next(&page, &object))
		err = listing_add(walk->listing, object);
	if (!err) {
		next = object_string(page.rest, "next");
		text_reset(&walk->cursor);
		text_add(&walk->cursor, next.data, next.len);
		json_decref(walk->rest);
		walk->rest = json_incref(page.rest);
	}
	page_finish(&page);
	return err;
}

/* Returns the exit code, 0 to go on. */
static int get_page(struct walk *walk, const struct text *path)
{
	struct transfer transfer = TRANSFER_NULL;
	struct text url = TEXT_NULL;
	int code, err;

	text_puts(&url, text_string(path));
	if (walk->cursor.len)
		client_add_query(&url, "cursor", text_bytes(&walk->cursor));
	code = context_get(walk->context, &url, walk->shift, &transfer);
	text_finish(&url);
	if (code)
		return code;
	err = add_page(walk, text_bytes(&transfer.body));
	transfer_end(&transfer);
	return err ? context_fail(err) : 0;
}

static int end_walk(struct walk *walk)
{
	int err = listing_end(walk->listing);

	if (err)
		return context_fail(err);
	context_note_incomplete(walk->context, walk->rest);
	return context_result(walk->context, walk->listing->count);
}

int context_list(struct context *context, struct listing *listing, struct text *path, const char *name, uint64_t limit,
		 size_t shift)
{
	struct walk walk = {.context = context, .listing = listing, .name = name, .limit = limit, .shift = shift};
	struct text number = TEXT_NULL;
	int code;

	text_printf(&number, "%" PRIu64, limit && limit < PAGE_LIMIT ? limit : PAGE_LIMIT);
	if (strcmp(name, "processes") == 0)
		client_add_query(path, "limit", text_bytes(&number));
	do {
		code = get_page(&walk, path);
	} while (!code && walk.cursor.len && !is_full(&walk) && !ferror(stdout));
	if (!code)
		code = end_walk(&walk);
	text_finish(&number);
	text_finish(&walk.cursor);
	json_decref(walk.rest);
	return code;
}

/* ---- one process ---------------------------------------------------------------------------------------------- */

/* The host that a plain pid is meant of. */
static int find_only_host(struct context *context, struct text *ret)
{
	struct text path = TEXT_NULL;
	json_t *answer = NULL, *hosts, *host;
	struct bytes name = BYTES_NULL;
	size_t i, count = 0;
	int code;

	text_puts(&path, "/api/v1/hosts");
	code = context_get_object(context, &path, &answer);
	text_finish(&path);
	if (code)
		return code;
	hosts = object_at(answer, "hosts");
	json_array_foreach(hosts, i, host) {
		struct bytes other = object_string(host, "host");

		/* several boots of one host are one name */
		if (count == 0 || !bytes_equal(name, other))
			count++;
		name = other;
	}
	if (count == 1)
		text_add(ret, name.data, name.len);
	else
		message("a plain PID only will do where one host is known, here are %zu; say HOST:PID", count);
	json_decref(answer);
	return count == 1 ? 0 : EXIT_USAGE;
}

int context_add_process(struct context *context, struct text *path, const char *id)
{
	struct text full = TEXT_NULL, query = TEXT_NULL;
	int code = 0;

	if (*id && !id[strspn(id, "0123456789")]) {
		code = find_only_host(context, &full);
		text_putc(&full, ':');
	}
	text_puts(&full, id);
	/* percent-encoding of a query value serves for a step of the path as well */
	client_add_query(&query, "", text_bytes(&full));
	text_puts(path, "/api/v1/processes/");
	text_puts(path, text_string(&query) + 2);
	path->failed |= full.failed || query.failed;
	text_finish(&full);
	text_finish(&query);
	return code;
}
