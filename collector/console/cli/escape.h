/* SPDX-License-Identifier: Apache-2.0 */
/* Making bytes from a host safe to show. Arguments, paths and names are chosen by whoever runs a process, so nothing of
 * them reaches a terminal as it is: what could move the cursor, change colours, reverse the reading direction or hide
 * itself stands as \xHH, byte by byte, and so does what is not UTF-8. One value is always one line. */
#ifndef CANOPY_CONSOLE_CLI_ESCAPE_H
#define CANOPY_CONSOLE_CLI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "canopy/bytes.h"
#include "collector/console/cli/text.h"

/* Combining marks in a row that stay as they are; more would climb over the lines around them. */
#define ESCAPE_COMBINING_MAX 3

/* Appends value. utf8: the terminal speaks UTF-8; otherwise everything beyond ASCII is escaped as well. */
void escape_text(struct text *out, struct bytes value, bool utf8);

/* Appends one argument of a command line, quoted for a shell when it holds anything that a shell would read otherwise
 * (or nothing at all), so that blanks inside arguments can be told from blanks between them. */
void escape_argument(struct text *out, struct bytes value, bool utf8);

/* Appends a JSON document with the dangerous code points of its strings as \uHHHH: the same document for a reader of
 * JSON, harmless for a terminal. Invalid UTF-8 becomes U+FFFD. */
void escape_json(struct text *out, struct bytes json, bool utf8);

#endif
