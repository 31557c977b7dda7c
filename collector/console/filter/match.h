/* SPDX-License-Identifier: Apache-2.0 */
/* String tests of the filter. Case is that of ASCII: what a path or an argument means beyond is not known. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_MATCH_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_MATCH_H

#include <stdbool.h>

#include "canopy/bytes.h"

bool match_contains(struct bytes text, struct bytes part);
/* Whatever the case; a NUL in text counts as a blank, so that argv can be searched as it is. */
bool match_icontains(struct bytes text, struct bytes part);
bool match_startswith(struct bytes text, struct bytes part);
bool match_endswith(struct bytes text, struct bytes part);
/* The whole text: '*' any characters ('/' too, as in Falco), '?' one, [a-z] [!a-z] one of a class, '\' takes the next
 * one as it is. At most text times pattern steps. */
bool match_glob(struct bytes text, struct bytes pattern);

#endif
