/* SPDX-License-Identifier: Apache-2.0 */
/* A fact as a line of JSON, for those that store lines. */
#ifndef CANOPY_TESTS_BENCH_FLEET_JSON_H
#define CANOPY_TESTS_BENCH_FLEET_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/fact.h"

#define JSON_LINE_MAX 4096u

/* All that the fact knows; brief: only what is asked for most. Returns the length, line feed included. */
size_t json_line(uint32_t host, const struct fact *fact, bool brief, char out[JSON_LINE_MAX]);

#endif
