/* SPDX-License-Identifier: Apache-2.0 */
/* Where secrets stand in one argument (or one entry of the environment): bytes in, places out. What becomes of them is redact.h's. */
#ifndef CANOPY_SENSOR_BATCH_SECRET_H
#define CANOPY_SENSOR_BATCH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

/* Names whose values are secret beside the built-in ones. Borrowed. */
struct secret_names {
	const struct bytes *own;
	size_t count;
};

struct secret_scan {
	const struct secret_names *names;
	struct bytes text;
	bool cut;    /* the text was cut at a bound: its last word may go on */
	uint32_t at; /* begins as 0 */
	char quote;  /* begins as '\0'; the one that is open at 'at' */
};

/* The text as a whole is the name of a secret option (--password): its value is the next argument, unless that begins with '-'. */
bool secret_announced(const struct secret_names *names, struct bytes text);

/* The next secret from scan->at on, and moves behind it: [*ret_from, *ret_to), never empty. false: there is none any more. All calls for one
 * text together take time in proportion to its length. */
bool secret_next(struct secret_scan *scan, uint32_t *ret_from, uint32_t *ret_to);

#endif
