/* SPDX-License-Identifier: Apache-2.0 */
/* A filter from anyone, evaluated on a process with everything known, one with nothing known, and with ancestors. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/filter/filter.h"
#include "tests/unit/proto/model/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ancestor(void *owner, uint32_t n, struct process_view *ret)
{
	const struct process_view *view = owner;

	*ret = *view;
	return n < 4;
}

static void check_error(const struct filter_error *error, size_t size)
{
	if (error->column < 1 || error->column > size + 1 || !error->message[0])
		abort();
	if (!memchr(error->message, 0, sizeof(error->message)) || !memchr(error->hint, 0, sizeof(error->hint)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter_error error = {0};
	struct arena scratch = ARENA_NULL;
	struct process_view nothing = {.start_wall_ns = INT64_MIN};
	struct filter *filter;
	struct sample sample;

	if (filter_parse(&filter, bytes_make(data, size), SAMPLE_START_WALL, &error) < 0) {
		check_error(&error, size);
		return 0;
	}
	sample_init(&sample);
	(void)filter_match(filter, &(struct filter_subject){&sample.view, ancestor, &sample.view}, &scratch);
	(void)filter_match(filter, &(struct filter_subject){&nothing, NULL, NULL}, &scratch);
	arena_finish(&scratch);
	filter_destroy(filter);
	return 0;
}
