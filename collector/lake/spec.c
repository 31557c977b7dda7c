/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/lake/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/lake/lake.h"

#define SCHEME "ndjson:"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit times[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"k", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {NULL, 0}};

__attribute__((format(printf, 2, 3))) static int refuse(char **ret_why, const char *format, ...)
{
	va_list args;

	if (!ret_why)
		return -EINVAL;
	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return -EINVAL;
}

static bool parse_amount(const char *text, size_t len, const struct unit *units, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		if (number > UINT32_MAX)
			return false;
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	for (; i > 0 && units->name; units++)
		if (strlen(units->name) == len - i && !memcmp(units->name, text + i, len - i))
			return !__builtin_mul_overflow(number, units->factor, ret);
	return false;
}

static int parse_option(const char *text, size_t len, struct lake_spec *spec, char **ret_why)
{
	static const char interval[] = "interval=", bytes[] = "bytes=";
	const int shown = len > 100 ? 100 : (int)len;

	if (len >= sizeof(interval) - 1 && !memcmp(text, interval, sizeof(interval) - 1)) {
		size_t skip = sizeof(interval) - 1;

		if (!parse_amount(text + skip, len - skip, times, &spec->interval_ms) ||
		    spec->interval_ms < LAKE_INTERVAL_MS_MIN)
			return refuse(ret_why,
				      "'%.*s' of the lake is no time of at least %ums: write it like interval=30s "
				      "(units ms, s, m, h)",
				      shown, text, LAKE_INTERVAL_MS_MIN);
		return 0;
	}
	if (len >= sizeof(bytes) - 1 && !memcmp(text, bytes, sizeof(bytes) - 1)) {
		size_t skip = sizeof(bytes) - 1;

		if (!parse_amount(text + skip, len - skip, sizes, &spec->bytes) || spec->bytes < LAKE_FILE_BYTES_MIN)
			return refuse(ret_why,
				      "'%.*s' of the lake is no size of at least %llu bytes: write it like bytes=64M "
				      "(units k, M, G)",
				      shown, text, LAKE_FILE_BYTES_MIN);
		return 0;
	}
	return refuse(ret_why, "unknown option '%.*s' of the lake: there are interval=TIME and bytes=SIZE", shown,
		      text);
}

void lake_spec_finish(struct lake_spec *spec)
{
	free(spec->dir);
	*spec = LAKE_SPEC_NULL;
}

int lake_spec_parse(const char *text, struct lake_spec *ret, char **ret_why)
{
	struct lake_spec spec = {.interval_ms = LAKE_INTERVAL_MS, .bytes = LAKE_FILE_BYTES};
	const char *dir = text + sizeof(SCHEME) - 1, *option;
	int r;

	if (strncmp(text, SCHEME, sizeof(SCHEME) - 1) != 0)
		return refuse(ret_why, "unknown lake '%.100s': write it as ndjson:DIR", text);
	option = strchrnul(dir, '?');
	if (option == dir)
		return refuse(ret_why, "lake '%.100s' names no folder: write it as ndjson:DIR", text);
	spec.dir = strndup(dir, (size_t)(option - dir));
	if (!spec.dir)
		return -ENOMEM;
	while (*option) {
		size_t len = strcspn(++option, "&");

		r = parse_option(option, len, &spec, ret_why);
		if (r < 0) {
			lake_spec_finish(&spec);
			return r;
		}
		option += len;
	}
	*ret = spec;
	return 0;
}
