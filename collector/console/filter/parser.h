/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of filter.h. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_PARSER_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_PARSER_H

#include "collector/console/filter/filter.h"
#include "collector/console/filter/node.h"

/* Makes filter->root from text, which is borrowed by the tree. Errors: -EINVAL (*ret_error), -ENOMEM. */
int parser_run(struct filter *filter, struct bytes text, int64_t now_wall_ns, struct filter_error *ret_error);

#endif
