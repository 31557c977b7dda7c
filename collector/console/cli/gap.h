/* SPDX-License-Identifier: Apache-2.0 */
/* A gap in words: what is missing of which host, when and why. */
#ifndef CANOPY_CONSOLE_CLI_GAP_H
#define CANOPY_CONSOLE_CLI_GAP_H

#include <jansson.h>

#include "collector/console/cli/column.h"

/* 'GAP on web-1: 12 exec facts lost between 12:01:07.120 and 12:01:09.000 (ring full)'. */
void gap_add_line(const json_t *gap, const struct face *face, struct text *out);

#endif
