/* SPDX-License-Identifier: Apache-2.0 */
/* The table of well-formed byte sequences of RFC 3629, section 4, as comparisons; runs of ASCII are skipped a word at a
 * time, since nearly every path and argument is nothing else. */
#include "proto/model/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

static size_t sequence3(const uint8_t *p, size_t len)
{
	if (len < 3 || !is_tail(p[1]) || !is_tail(p[2]))
		return 0;
	if (p[0] == 0xe0 && p[1] < 0xa0)
		return 0; /* overlong */
	if (p[0] == 0xed && p[1] > 0x9f)
		return 0; /* surrogate */
	return 3;
}

static size_t sequence4(const uint8_t *p, size_t len)
{
	if (len < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
		return 0;
	if (p[0] == 0xf0 && p[1] < 0x90)
		return 0; /* overlong */
	if (p[0] == 0xf4 && p[1] > 0x8f)
		return 0; /* above U+10FFFF */
	return 4;
}

size_t utf8_sequence(const char *data, size_t len)
{
	const uint8_t *p = (const uint8_t *)data;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2)
		return 0; /* a tail byte, or overlong */
	if (p[0] < 0xe0)
		return len >= 2 && is_tail(p[1]) ? 2 : 0;
	if (p[0] < 0xf0)
		return sequence3(p, len);
	return p[0] <= 0xf4 ? sequence4(p, len) : 0;
}

bool utf8_valid(const char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t step;
		uint64_t word;

		while (len - at >= sizeof(word)) {
			memcpy(&word, data + at, sizeof(word));
			if (word & 0x8080808080808080ull)
				break;
			at += sizeof(word);
		}
		if (at == len)
			break;
		step = utf8_sequence(data + at, len - at);
		if (!step)
			return false;
		at += step;
	}
	return true;
}
