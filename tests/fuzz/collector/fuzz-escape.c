/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a host on their way to a terminal: whatever they are, one line of harmless text comes out. */
#include <locale.h>

#include "collector/console/cli/escape.h"
#include "tests/fuzz/collector/harmless.h"

static void check(struct bytes value, bool utf8)
{
	struct text text = TEXT_NULL;

	escape_text(&text, value, utf8);
	check_harmless(text_bytes(&text), utf8);
	must(!text.failed && text.len >= value.len);
	text_reset(&text);
	escape_argument(&text, value, utf8);
	check_harmless(text_bytes(&text), utf8);
	must(!text.failed && text.len >= 1);
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
