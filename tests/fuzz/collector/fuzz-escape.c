/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a host on their way to a terminal: whatever they are, one line of harmless text comes out. */
#include <locale.h>

#include "collector/console/cli/escape.h"
#include "proto/model/utf8.h"
#include "tests/fuzz/input.h"

/* What reverses the direction of reading, hides, or is a control, as UTF-8; C1 controls are two bytes of which the first is c2. */
static const char *const dangerous[] = {
	"\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7",
	"\xe2\x81\xa8", "\xe2\x81\xa9", "\xe2\x80\x8b", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
};

static void check_harmless(const struct text *text, bool utf8)
{
	must(!text->failed && utf8_valid(text_string(text), text->len));
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		must(c >= 0x20 && c != 0x7f && (utf8 || c < 0x80));
		must(c != 0xc2 || (unsigned char)text->data[i + 1] >= 0xa0);
	}
	for (size_t i = 0; i < sizeof(dangerous) / sizeof(dangerous[0]); i++)
		must(!holds(text_bytes(text), bytes_from_string(dangerous[i])));
}

static void check(struct bytes value, bool utf8)
{
	struct text text = TEXT_NULL;

	escape_text(&text, value, utf8);
	check_harmless(&text, utf8);
	must(text.len >= value.len);
	text_reset(&text);
	escape_argument(&text, value, utf8);
	check_harmless(&text, utf8);
	must(text.len >= 1);
	text_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *locale;
	struct bytes value = bytes_make(data, size);

	if (!locale)
		locale = setlocale(LC_CTYPE, "C.UTF-8"); /* as the terminal of most */
	must(locale != NULL);
	check(value, true);
	check(value, false);
	return 0;
}
