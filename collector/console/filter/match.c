/* SPDX-License-Identifier: Apache-2.0 */
/* Plain byte searching, and a glob that goes back to the last star alone: going back to earlier ones can never help,
 * which keeps it from exploding. */
#include "collector/console/filter/match.h"

#include "proto/model/utf8.h"

bool match_contains(struct bytes text, struct bytes part)
{
	return part.len == 0 || (text.len >= part.len && memmem(text.data, text.len, part.data, part.len));
}

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c ? c : ' ';
}

static bool begins_folded(const char *text, struct bytes part)
{
	for (uint32_t i = 0; i < part.len; i++)
		if (fold(text[i]) != fold(part.data[i]))
			return false;
	return true;
}

bool match_icontains(struct bytes text, struct bytes part)
{
	if (part.len == 0)
		return true;
	if (part.len > text.len)
		return false;
	for (uint32_t at = 0; at <= text.len - part.len; at++)
		if (begins_folded(text.data + at, part))
			return true;
	return false;
}

bool match_startswith(struct bytes text, struct bytes part)
{
	return text.len >= part.len && (part.len == 0 || memcmp(text.data, part.data, part.len) == 0);
}

bool match_endswith(struct bytes text, struct bytes part)
{
	return text.len >= part.len &&
	       (part.len == 0 || memcmp(text.data + text.len - part.len, part.data, part.len) == 0);
}

/* ---- glob ---------------------------------------------------------------------------------------------------- */

/* One character: a UTF-8 sequence, or a byte that begins none. */
static uint32_t char_size(struct bytes text, uint32_t at)
{
	size_t size = utf8_sequence(text.data + at, text.len - at);

	return size ? (uint32_t)size : 1;
}

static struct bytes char_at(struct bytes text, uint32_t at)
{
	return bytes_make(text.data + at, char_size(text, at));
}

/* Where the class that opens at 'at' is closed; 0 when it never is, and the bracket is then a character like any other.
 */
static uint32_t class_end(struct bytes pattern, uint32_t at)
{
	uint32_t i = at + 1;

	if (i < pattern.len && (pattern.data[i] == '!' || pattern.data[i] == '^'))
		i++;
	for (uint32_t first = i; i < pattern.len; i += char_size(pattern, i))
		if (pattern.data[i] == ']' && i > first)
			return i;
	return 0;
}

static bool class_has(struct bytes pattern, uint32_t at, uint32_t end, struct bytes c)
{
	bool negated = pattern.data[at + 1] == '!' || pattern.data[at + 1] == '^', found = false;
	uint32_t i = at + 1 + negated;

	while (i < end) {
		struct bytes low = char_at(pattern, i), high = low;

		i += low.len;
		if (end - i > 1 && pattern.data[i] == '-') {
			high = char_at(pattern, i + 1);
			i += 1 + high.len;
		}
		found |= bytes_compare(c, low) >= 0 && bytes_compare(c, high) <= 0;
	}
	return found != negated;
}

/* Whether the pattern's element at 'at' (not a star) takes the character c; *ret_next is the element behind it. */
static bool takes(struct bytes pattern, uint32_t at, struct bytes c, uint32_t *ret_next)
{
	uint32_t end;

	if (pattern.data[at] == '?') {
		*ret_next = at + 1;
		return true;
	}
	if (pattern.data[at] == '[' && (end = class_end(pattern, at)) > 0) {
		*ret_next = end + 1;
		return class_has(pattern, at, end, c);
	}
	if (pattern.data[at] == '\\' && at + 1 < pattern.len)
		at++;
	*ret_next = at + char_size(pattern, at);
	return bytes_equal(char_at(pattern, at), c);
}

bool match_glob(struct bytes text, struct bytes pattern)
{
	uint32_t t = 0, p = 0, star_t = 0, star_p = 0, next;
	bool star = false;

	while (t < text.len) {
		struct bytes c = char_at(text, t);

		if (p < pattern.len && pattern.data[p] == '*') {
			star = true;
			star_p = ++p;
			star_t = t;
		} else if (p < pattern.len && takes(pattern, p, c, &next)) {
			p = next;
			t += c.len;
		} else if (star) {
			p = star_p;
			star_t += char_size(text, star_t);
			t = star_t;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}
