/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions in linear time: at most REGEX_PROGRAM_MAX steps a character, whatever the pattern and the text.
 *
 * The syntax is the common part of RE2: literals, '.', classes with ranges and \d \w \s, groups, '|', '*' '+' '?'
 * '{m,n}' (a lazy '?' behind them changes nothing here), '^' '$' \b \B, and (?i) at the beginning. As in Falco the
 * whole text must match. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_REGEX_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/bytes.h"

#define REGEX_PROGRAM_MAX 1000u /* instructions: bounds the price of one character */
#define REGEX_DEPTH_MAX 50u     /* nested groups: bounds the compiler's recursion */
#define REGEX_REPEAT_MAX 1000u  /* {m,n}, as in RE2 */

struct regex;

/* The expression lives in the arena, which it also uses for what matching needs: one thread at a time. Errors: -EINVAL
 * (*ret_why, a static phrase, and *ret_at, a byte offset in the pattern, tell what and where), -ENOMEM. */
int regex_compile(struct regex **ret, struct arena *arena, struct bytes pattern, const char **ret_why,
		  uint32_t *ret_at);

bool regex_match(struct regex *regex, struct bytes text);

#endif
