/* SPDX-License-Identifier: Apache-2.0 */
/* Decoded by hand, since mbrtowc follows the locale and keeps state: bytes from a host mean the same everywhere. */
#include <wchar.h>

#include "collector/console/cli/glyph.h"
#include "proto/model/utf8.h"

size_t glyph_decode(const char *data, size_t len, uint32_t *ret)
{
	size_t bytes = utf8_sequence(data, len);
	uint32_t point = (unsigned char)data[0];

	if (!bytes)
		return 0;
	if (bytes > 1)
		point &= 0x7fu >> bytes;
	for (size_t i = 1; i < bytes; i++)
		point = point << 6 | ((unsigned char)data[i] & 0x3f);
	*ret = point;
	return bytes;
}

int glyph_columns(uint32_t point)
{
	if (point < 0x7f)
		return point >= 0x20 ? 1 : -1;
	return wcwidth((wchar_t)point);
}

size_t glyph_fit(const char *data, size_t len, size_t columns, size_t *ret_width)
{
	size_t at = 0, width = 0;

	while (at < len) {
		uint32_t point;
		size_t bytes = glyph_decode(data + at, len - at, &point);
		int wide = bytes ? glyph_columns(point) : 1;
		size_t more = wide > 0 ? (size_t)wide : 0;

		if (width + more > columns)
			break;
		width += more;
		at += bytes ? bytes : 1;
	}
	*ret_width = width;
	return at;
}

size_t glyph_width(const char *data, size_t len)
{
	size_t width;

	(void)glyph_fit(data, len, SIZE_MAX / 2, &width);
	return width;
}
