/* SPDX-License-Identifier: Apache-2.0 */
/* What a user says of a lake. An amount that is taken is the one that was written: it is computed once more, in 128 bits. */
#include <errno.h>

#include "collector/lake/lake.h"
#include "collector/lake/spec.h"
#include "tests/fuzz/input.h"

static unsigned __int128 amount(const char *text)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"k", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}};
	size_t digits = strspn(text, "0123456789"), len = strcspn(text, "&");
	unsigned __int128 value = 0;

	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len - digits && memcmp(units[i].name, text + digits, len - digits) == 0)
			return value * units[i].factor;
	return value;
}

static void check(const char *text, const struct lake_spec *spec)
{
	unsigned __int128 interval = LAKE_INTERVAL_MS, bytes = LAKE_FILE_BYTES;
	const char *option = strchr(text, '?');

	must(strncmp(text, "ndjson:", 7) == 0 && *spec->dir && strncmp(text + 7, spec->dir, strlen(spec->dir)) == 0);
	must(!strchr(spec->dir, '?'));
	for (; option; option = strchr(option, '&')) {
		option++;
		if (strncmp(option, "interval=", 9) == 0)
			interval = amount(option + 9);
		else if (strncmp(option, "bytes=", 6) == 0)
			bytes = amount(option + 6);
	}
	must(spec->interval_ms == interval && spec->interval_ms >= LAKE_INTERVAL_MS_MIN);
	must(spec->bytes == bytes && spec->bytes >= LAKE_FILE_BYTES_MIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_string(bytes_make(data, size)), *why = NULL;
	struct lake_spec spec = LAKE_SPEC_NULL;
	int r = lake_spec_parse(text, &spec, &why);

	if (r == 0)
		check(text, &spec);
	else
		must(r == -EINVAL && why && *why && !spec.dir);
	lake_spec_finish(&spec);
	free(why);
	free(text);
	return 0;
}
