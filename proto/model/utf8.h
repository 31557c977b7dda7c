/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no surrogates, nothing overlong, nothing above U+10FFFF. */
#ifndef CANOPY_PROTO_MODEL_UTF8_H
#define CANOPY_PROTO_MODEL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes (1 to 4) of the well-formed sequence that begins at data, 0 when none does. len > 0. */
size_t utf8_sequence(const char *data, size_t len);
/* true when all of it is well-formed */
bool utf8_valid(const char *data, size_t len);

#endif
