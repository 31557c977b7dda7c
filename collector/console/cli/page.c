/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner that only knows strings and brackets, and that commas stand between members. That these and the rest are JSON is checked by
 * the real parser later: here a broken document can at worst be cut in wrong places. */
#include <errno.h>
#include <string.h>

#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"

static size_t skip_blanks(struct bytes text, size_t at)
{
	while (at < text.len &&
	       (text.data[at] == ' ' || text.data[at] == '\n' || text.data[at] == '\r' || text.data[at] == '\t'))
		at++;
	return at;
}

/* Behind the string that begins at at (its opening quote); the end of the text when it never ends. */
static size_t skip_string(struct bytes text, size_t at)
{
	for (at++; at < text.len; at++) {
		if (text.data[at] == '\\')
			at++;
		else if (text.data[at] == '"')
			return at + 1;
	}
	return text.len;
}

/* Behind the value that begins at at: everything up to a comma or bracket that is not its own. */
static size_t skip_value(struct bytes text, size_t at)
{
	size_t depth = 0;

	while (at < text.len) {
		char c = text.data[at];

		if (c == '"') {
			at = skip_string(text, at);
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']' || c == ',') && depth == 0)
			return at;
		else if (c == '}' || c == ']')
			depth--;
		at++;
		if (depth == 0 && (c == '}' || c == ']'))
			return at;
	}
	return at;
}

/* The place of the value called name among the members of the object, or 0. */
static size_t find_member(struct bytes text, const char *name)
{
	size_t at = skip_blanks(text, 0);

	if (at == text.len || text.data[at] != '{')
		return 0;
	for (at = skip_blanks(text, at + 1); at < text.len && text.data[at] == '"'; at = skip_blanks(text, at + 1)) {
		size_t key = at + 1, end;

		at = skip_string(text, at);
		end = at - 1;
		at = skip_blanks(text, at);
		if (at == text.len || text.data[at] != ':')
			return 0;
		at = skip_blanks(text, at + 1);
		if (end - key == strlen(name) && memcmp(text.data + key, name, end - key) == 0)
			return at;
		at = skip_blanks(text, skip_value(text, at));
		if (at == text.len || text.data[at] != ',')
			return 0;
	}
	return 0;
}

/* list: from behind the opening bracket to its end. Members and commas take turns: else page_next would end before the list does, and
 * nobody would know. */
static bool is_list(struct bytes list)
{
	size_t at = skip_blanks(list, 0), end;

	if (at + 1 == list.len)
		return list.data[at] == ']';
	for (; (end = skip_value(list, at)) > at; at = skip_blanks(list, end + 1)) {
		end = skip_blanks(list, end);
		if (end + 1 >= list.len)
			return end < list.len && list.data[end] == ']';
		if (list.data[end] != ',')
			return false;
	}
	return false;
}

int page_open(struct page *ret, struct bytes document, const char *name)
{
	size_t begin = find_member(document, name), end;
	struct text rest = TEXT_NULL;
	struct bytes list;
	json_t *parsed;

	if (!begin || begin >= document.len || document.data[begin] != '[')
		return -EBADMSG;
	end = skip_value(document, begin);
	list = bytes_make(document.data + begin + 1, end - begin - 1);
	if (!is_list(list))
		return -EBADMSG;
	text_add(&rest, document.data, begin);
	text_puts(&rest, "[]");
	text_add(&rest, document.data + end, document.len - end);
	parsed = rest.failed ? NULL : object_parse(rest.data, rest.len);
	text_finish(&rest);
	if (!json_is_object(parsed)) {
		json_decref(parsed);
		return -EBADMSG;
	}
	*ret = (struct page){.list = list, .rest = parsed};
	return 0;
}

void page_finish(struct page *page)
{
	json_decref(page->rest);
	*page = PAGE_NULL;
}

bool page_next(struct page *page, struct bytes *ret)
{
	size_t begin = skip_blanks(page->list, page->at), end;

	if (begin < page->list.len && page->list.data[begin] == ',')
		begin = skip_blanks(page->list, begin + 1);
	if (begin >= page->list.len || page->list.data[begin] == ']')
		return false;
	end = skip_value(page->list, begin);
	page->at = end;
	while (end > begin && (page->list.data[end - 1] == ' ' || page->list.data[end - 1] == '\n'))
		end--;
	*ret = bytes_make(page->list.data + begin, end - begin);
	return end > begin;
}
