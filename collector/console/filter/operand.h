/* SPDX-License-Identifier: Apache-2.0 */
/* What the left side of a condition names, and what the right side means to it. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_OPERAND_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_OPERAND_H

#include "collector/console/filter/node.h"

enum {
	OPERAND_E_NOT_A_FIELD = 1, /* nothing like a field: a bare word */
};

/* Errors: -EINVAL: looks like a field and is none; *ret_why is a static phrase and *ret_nearest (may be NULL) a name
 * that was perhaps meant. */
int operand_resolve(struct bytes name, struct filter_operand *ret, const char **ret_why, const char **ret_nearest);

/* The value that text is for the operand; strings are borrowed from text. Errors: -EINVAL, *ret_why says what is
 * wanted, as in "wants a number". */
int operand_value(const struct filter_operand *operand, struct bytes text, int64_t now_wall_ns, struct field_value *ret,
		  const char **ret_why);

/* Whether op makes sense for the operand's type; otherwise *ret_why. */
bool operand_takes(const struct filter_operand *operand, enum filter_op op, const char **ret_why);

#endif
