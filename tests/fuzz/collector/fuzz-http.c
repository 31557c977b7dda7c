/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request from anyone. Scanning it in two pieces must find the same end as scanning it whole. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collector/console/api/rank.h"
#include "collector/console/http/host.h"
#include "collector/console/http/request.h"
#include "proto/model/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the routes make of values: times, sizes, identities, cursors. */
static void read_value(struct bytes value)
{
	char text[RANK_TEXT_MAX];
	struct rank_entry entry;
	struct process_ref ref;
	int64_t number;

	(void)when_parse(value, 1795348867123456789, 3600, &number);
	(void)duration_parse(value, &number);
	(void)size_parse(value, &number);
	(void)process_ref_parse(value, &ref);
	if (rank_entry_parse(value, &entry) == 0)
		rank_entry_format(&entry, text);
}

static void check(const struct request *request)
{
	if (request->path.len == 0 || request->path.data[0] != '/' || request->parameter_count > REQUEST_PARAMETERS_MAX)
		abort();
	(void)request_parameter(request, "filter");
	for (size_t i = 0; i < request->parameter_count; i++)
		read_value(request->parameters[i].value);
	(void)host_is_local(request->host, "127.0.0.1:80");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why = NULL;
	struct arena arena = {.limit = 1u << 20};
	struct request request;
	size_t at = 0, halves = 0, len;
	int r;

	len = request_scan(text, size, &at);
	if (request_scan(text, size / 2, &halves) == 0 && request_scan(text, size, &halves) != len)
		abort();
	r = request_parse(&arena, text, len ? len : size, &request, &why);
	if (r == 0)
		check(&request);
	else if (r > 0 && !why)
		abort();
	arena_finish(&arena);
	return 0;
}
