/* SPDX-License-Identifier: Apache-2.0 */
/* What a user says of a lake: 'ndjson:DIR?interval=30s&bytes=16M'. */
#ifndef CANOPY_COLLECTOR_LAKE_SPEC_H
#define CANOPY_COLLECTOR_LAKE_SPEC_H

#include <stdint.h>

struct lake_spec {
	char *dir;            /* owned */
	uint64_t interval_ms; /* a file is completed after this time */
	uint64_t bytes;       /* or at this compressed size */
};

#define LAKE_SPEC_NULL ((struct lake_spec){0})
void lake_spec_finish(struct lake_spec *spec);

/* Errors: -EINVAL, -ENOMEM; *ret_why (may be NULL) is then a sentence that the caller frees. */
int lake_spec_parse(const char *text, struct lake_spec *ret, char **ret_why);

#endif
