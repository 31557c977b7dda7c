/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal may be given of bytes that others chose. */
#ifndef CANOPY_TESTS_FUZZ_COLLECTOR_HARMLESS_H
#define CANOPY_TESTS_FUZZ_COLLECTOR_HARMLESS_H

#include "proto/model/utf8.h"
#include "tests/fuzz/input.h"

/* What reverses the direction of reading, hides, or is a control, as UTF-8; C1 controls are two bytes of which the first is c2. */
static const char *const dangerous[] = {
	"\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7",
	"\xe2\x81\xa8", "\xe2\x81\xa9", "\xe2\x80\x8b", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
};

/* One line, without its newline. */
static inline void check_harmless(struct bytes line, bool utf8)
{
	bool ascii = true;

	must(line.len == 0 || utf8_valid(line.data, line.len));
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.data[i];

		must(c >= 0x20 && c != 0x7f && (utf8 || c < 0x80));
		must(c != 0xc2 || (unsigned char)line.data[i + 1] >= 0xa0);
		ascii = ascii && c < 0x80;
	}
	for (size_t i = 0; !ascii && i < sizeof(dangerous) / sizeof(dangerous[0]); i++)
		must(!holds(line, bytes_from_string(dangerous[i])));
}

#endif
