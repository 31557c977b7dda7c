/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter that is not known is an error: a misspelt 'filter' would otherwise show everything as if it had been
 * asked for. */
#include "collector/console/api/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/console/api/api.h"
#include "proto/model/when.h"

/* For messages: what the user sent, cut, with anything odd replaced. */
static const char *show(struct bytes text, char out[48])
{
	uint32_t len = text.len < 40 ? text.len : 40;

	for (uint32_t i = 0; i < len; i++)
		out[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? text.data[i] : '?';
	(void)strcpy(out + len, len < text.len ? "..." : "");
	return out;
}

static bool refuse(struct connection *connection, const char *code, const char *name, struct bytes value,
		   const char *wanted)
{
	char message[160], shown[48];

	(void)snprintf(message, sizeof(message), "%s takes no '%s'", name, show(value, shown));
	api_fail(connection, 400, code, message, wanted);
	return false;
}

static bool check_names(struct connection *connection, const struct request *request, const char *const *known)
{
	char message[96], shown[48], hint[200] = "there are none here";
	size_t len = 0;

	for (size_t i = 0; i < request->parameter_count; i++) {
		size_t k = 0;

		while (known[k] && !bytes_equal(request->parameters[i].name, bytes_from_string(known[k])))
			k++;
		if (known[k])
			continue;
		(void)snprintf(message, sizeof(message), "there is no parameter '%s'",
			       show(request->parameters[i].name, shown));
		for (k = 0; known[k] && len < sizeof(hint); k++)
			len +=
			    (size_t)snprintf(hint + len, sizeof(hint) - len, "%s%s", k ? ", " : "there are ", known[k]);
		api_fail(connection, 400, "bad_parameter", message, hint);
		return false;
	}
	return true;
}

static bool read_filter(struct query *query, struct connection *connection, const struct request *request)
{
	struct bytes text = request_parameter(request, "filter");
	struct filter_error error;
	int r = filter_parse(&query->filter, text, api_now(), &error);

	if (r == 0)
		return true;
	if (r == -EINVAL)
		connection_error(connection, &(struct response_error){.status = 400,
								      .code = "bad_filter",
								      .message = error.message,
								      .hint = error.hint,
								      .column = error.column});
	else
		api_fail_errno(connection, r);
	return false;
}

static bool read_time(struct connection *connection, const struct request *request, const char *name, int64_t *ret)
{
	struct bytes text = request_parameter(request, name);

	if (!text.data || when_parse(text, api_now(), 0, ret) == 0)
		return true;
	return refuse(connection, "bad_time", name, text,
		      "a time reads 2026-11-22T12:00:00Z, '10m ago', yesterday or @SECONDS");
}

static bool read_number(struct connection *connection, const struct request *request, const char *name, uint32_t min,
			uint32_t max, uint32_t *ret)
{
	struct bytes text = request_parameter(request, name);
	char hint[64];
	int64_t value;

	if (!text.data)
		return true;
	(void)snprintf(hint, sizeof(hint), "a number from %u to %u is wanted", min, max);
	if (size_parse(text, &value) < 0 || value < min || value > max)
		return refuse(connection, "bad_parameter", name, text, hint);
	*ret = (uint32_t)value;
	return true;
}

static bool read_flag(struct connection *connection, const struct request *request, const char *name, bool *ret)
{
	struct bytes text = request_parameter(request, name);

	if (!text.data)
		return true;
	*ret = text.len == 0 || bytes_equal(text, BYTES_LITERAL("1")) || bytes_equal(text, BYTES_LITERAL("true"));
	if (*ret || bytes_equal(text, BYTES_LITERAL("0")) || bytes_equal(text, BYTES_LITERAL("false")))
		return true;
	return refuse(connection, "bad_parameter", name, text, "true or false is wanted");
}

/* A field by its name, or by what stands behind 'proc.'. */
static bool read_sort(struct query *query, struct connection *connection, const struct request *request)
{
	struct bytes text = request_parameter(request, "sort"), name = text;
	char full[64];

	if (!text.data)
		return true;
	query->descending = name.len && name.data[0] == '-';
	if (query->descending)
		name = bytes_make(name.data + 1, name.len - 1);
	query->sort = field_find(name);
	if (!query->sort && name.len < 40) {
		(void)snprintf(full, sizeof(full), "proc.%.*s", (int)name.len, name.data ? name.data : "");
		query->sort = field_find(bytes_from_string(full));
	}
	if (query->sort)
		return true;
	return refuse(connection, "bad_parameter", "sort", text,
		      "a field is wanted, such as start, -duration, user.name");
}

static bool copy_texts(struct query *query, struct connection *connection, const struct request *request)
{
	struct bytes host = request_parameter(request, "host"), cursor = request_parameter(request, "cursor");

	if (!cursor.data)
		cursor = request->last_event_id;
	query->copies = malloc((size_t)host.len + cursor.len + 1);
	if (!query->copies) {
		api_fail_errno(connection, -ENOMEM);
		return false;
	}
	if (host.len)
		query->host = bytes_make(memcpy(query->copies, host.data, host.len), host.len);
	if (cursor.len)
		query->cursor = bytes_make(memcpy(query->copies + host.len, cursor.data, cursor.len), cursor.len);
	return true;
}

bool query_read(struct query *query, struct connection *connection, const struct request *request,
		const char *const *known)
{
	*query =
	    (struct query){.since = INT64_MIN, .until = INT64_MAX, .limit = QUERY_LIMIT_DEFAULT, .depth = UINT32_MAX};
	if (check_names(connection, request, known) && read_filter(query, connection, request) &&
	    read_time(connection, request, "since", &query->since) &&
	    read_time(connection, request, "until", &query->until) &&
	    read_number(connection, request, "limit", 1, QUERY_LIMIT_MAX, &query->limit) &&
	    read_number(connection, request, "depth", 0, UINT32_MAX - 1, &query->depth) &&
	    read_flag(connection, request, "exited", &query->exited) &&
	    read_flag(connection, request, "children", &query->children) && read_sort(query, connection, request) &&
	    copy_texts(query, connection, request))
		return true;
	query_finish(query);
	return false;
}

void query_finish(struct query *query)
{
	filter_destroy(query->filter);
	free(query->copies);
	*query = (struct query){0};
}
