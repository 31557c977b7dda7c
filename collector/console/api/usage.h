/* SPDX-License-Identifier: Apache-2.0 */
/* What this very process takes. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_USAGE_H
#define CANOPY_COLLECTOR_CONSOLE_API_USAGE_H

#include <stdint.h>

struct usage {
	double cpu_seconds;
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
};

/* Fields that cannot be read stay 0. */
void usage_read(struct usage *ret);

#endif
