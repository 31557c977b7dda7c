/* SPDX-License-Identifier: Apache-2.0 */
/* A list of what is dangerous plus the C library's own opinion of what is printable (wcwidth): code points that it does
 * not know are escaped too, since a terminal may know them as something else. */
#include <string.h>

#include "collector/console/cli/escape.h"
#include "collector/console/cli/glyph.h"

/* Format characters: they take no room and change how their neighbours read. */
static bool is_deceiving(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad},
		{0x034f, 0x034f}, /* combining grapheme joiner */
		{0x061c, 0x061c}, /* Arabic letter mark */
		{0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, /* fillers without a picture */
		{0x200b, 0x200f}, /* zero-width blanks and joiners, direction marks */
		{0x2028, 0x202e}, /* line separators, bidi embeddings and overrides */
		{0x2060, 0x206f}, /* invisible operators, bidi isolates */
		{0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
		{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, /* musical format characters; tags and variation selectors */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

/* Whether a code point may stand as it is; *run counts combining marks in a row. A mark needs something of the same
 * value below it. */
static bool is_plain(uint32_t point, bool utf8, bool first, unsigned *run)
{
	int columns;

	if (point >= 0x20 && point < 0x7f) {
		*run = 0;
		return true;
	}
	if (!utf8 || is_deceiving(point))
		return false;
	columns = glyph_columns(point);
	if (columns == 0)
		return !first && ++*run <= ESCAPE_COMBINING_MAX;
	*run = 0;
	return columns > 0;
}

void escape_text(struct text *out, struct bytes value, bool utf8)
{
	unsigned run = 0;

	for (size_t at = 0; at < value.len;) {
		uint32_t point = 0;
		size_t bytes = glyph_decode(value.data + at, value.len - at, &point);

		if (bytes && is_plain(point, utf8, at == 0, &run)) {
			text_add(out, value.data + at, bytes);
			at += bytes;
			continue;
		}
		for (size_t end = at + (bytes ? bytes : 1); at < end; at++)
			text_printf(out, "\\x%02x", (unsigned char)value.data[at]);
	}
}

static bool needs_quotes(struct bytes value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_^";

	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x80 && (!value.data[i] || !strchr(plain, value.data[i])))
			return true;
	return value.len == 0;
}

void escape_argument(struct text *out, struct bytes value, bool utf8)
{
	size_t begin = 0;

	if (!needs_quotes(value)) {
		escape_text(out, value, utf8);
		return;
	}
	text_putc(out, '\'');
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] != '\'')
			continue;
		escape_text(out, bytes_make(value.data + begin, i - begin), utf8);
		text_puts(out, "'\\''");
		begin = i + 1;
	}
	escape_text(out, bytes_make(value.data + begin, value.len - begin), utf8);
	text_putc(out, '\'');
}

static void add_json_escape(struct text *out, uint32_t point)
{
	if (point > 0xffff) {
		point -= 0x10000;
		text_printf(out, "\\u%04x\\u%04x", 0xd800 + (point >> 10), 0xdc00 + (point & 0x3ff));
	} else {
		text_printf(out, "\\u%04x", point);
	}
}

void escape_json(struct text *out, struct bytes json, bool utf8)
{
	unsigned run = 0;

	for (size_t at = 0; at < json.len;) {
		uint32_t point = 0xfffd;
		size_t bytes = glyph_decode(json.data + at, json.len - at, &point);
		bool blank = point == '\n' || point == '\t' ||
			     point == '\r'; /* between the tokens; inside strings JSON has none */

		if (blank)
			text_putc(out, point == '\n' ? '\n' : ' ');
		else if (bytes && is_plain(point, utf8, at == 0, &run))
			text_add(out, json.data + at, bytes);
		else
			add_json_escape(out, point);
		at += bytes ? bytes : 1;
	}
}
