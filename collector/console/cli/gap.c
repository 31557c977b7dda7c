/* SPDX-License-Identifier: Apache-2.0 */
/* A count of 0 or none is an unknown number, a type of none is any type: said so, not guessed. */
#include <inttypes.h>

#include "collector/console/cli/escape.h"
#include "collector/console/cli/gap.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"

static void add_what(const json_t *gap, const struct face *face, struct text *out)
{
	struct bytes type = object_string(gap, "lost_type");
	int64_t count = 0;

	/* among a host's gaps it is called type; within a stream type says that this is a gap */
	if (!type.data)
		type = object_string(gap, "type");
	if (object_int(gap, "count", &count) && count > 0)
		text_printf(out, "%" PRId64 " ", count);
	else
		text_puts(out, "an unknown number of ");
	if (type.len && !bytes_equal(type, BYTES_LITERAL("gap"))) {
		escape_text(out, type, face->utf8);
		text_putc(out, ' ');
	}
	text_puts(out, count == 1 ? "fact lost" : "facts lost");
}

static void add_when(const json_t *gap, const struct face *face, struct text *out)
{
	int64_t from, to;
	bool has_from = object_time(gap, "from", &from), has_to = object_time(gap, "to", &to);

	if (has_from) {
		text_puts(out, has_to ? " between " : " since ");
		if (face->full)
			timefmt_add_full(out, from);
		else
			timefmt_add_clock(out, from);
	}
	if (has_to) {
		text_puts(out, has_from ? " and " : " until ");
		if (face->full)
			timefmt_add_full(out, to);
		else
			timefmt_add_clock(out, to);
	}
}

/* 'ring_full' as words. */
static void add_reason(struct bytes reason, const struct face *face, struct text *out)
{
	size_t begin = out->len;

	escape_text(out, reason, face->utf8);
	for (size_t i = begin; i < out->len; i++)
		if (out->data[i] == '_')
			out->data[i] = ' ';
}

void gap_add_line(const json_t *gap, const struct face *face, struct text *out)
{
	struct bytes host = object_string(gap, "host"), reason = object_string(gap, "reason");

	text_puts(out, "GAP");
	if (host.len) {
		text_puts(out, " on ");
		escape_text(out, host, face->utf8);
	}
	text_puts(out, ": ");
	add_what(gap, face, out);
	add_when(gap, face, out);
	if (reason.len) {
		text_puts(out, " (");
		add_reason(reason, face, out);
		text_putc(out, ')');
	}
}
