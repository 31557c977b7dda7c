/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Linux capabilities. */
#ifndef CANOPY_CONSOLE_CLI_CAPABILITY_H
#define CANOPY_CONSOLE_CLI_CAPABILITY_H

#include "canopy/bytes.h"
#include "collector/console/cli/text.h"

/* Appends a set given as hex digits: 'none', 'all', names, or 'all but' names; what has no name here stands as its number. */
void capability_add_names(struct bytes hex, struct text *out);

#endif
