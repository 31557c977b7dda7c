/* SPDX-License-Identifier: Apache-2.0 */
/* Reading UTF-8 (RFC 3629) code point by code point, and how wide text stands on a terminal. */
#ifndef CANOPY_CONSOLE_CLI_GLYPH_H
#define CANOPY_CONSOLE_CLI_GLYPH_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at data. Returns its length in bytes (1 to 4), or 0 when these bytes are not UTF-8: cut,
 * overlong, a surrogate or above U+10FFFF. len is at least 1. */
size_t glyph_decode(const char *data, size_t len, uint32_t *ret);

/* Columns that a code point takes: 0 for combining marks, 2 for wide ones, -1 for what cannot be printed. By the C
 * library's tables, so setlocale(LC_CTYPE, …) must have chosen a UTF-8 locale for anything beyond ASCII. */
int glyph_columns(uint32_t point);

/* Columns of text that was escaped before (escape.h). */
size_t glyph_width(const char *data, size_t len);

/* The longest beginning of data, in bytes, that takes at most columns; *ret_width is what it takes. */
size_t glyph_fit(const char *data, size_t len, size_t columns, size_t *ret_width);

#endif
