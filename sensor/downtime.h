/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers when this host was last watched, so that a sensor that was killed can say which interval nobody saw. One small file
 * beside the spool, rewritten every few seconds; it need not survive a power loss, since the next boot is another boot_id. */
#ifndef CANOPY_SENSOR_DOWNTIME_H
#define CANOPY_SENSOR_DOWNTIME_H

#include <stdint.h>

#include "canopy/identity.h"

#define DOWNTIME_FILE "watched"

struct downtime {
	int fd; /* owned; -1 = not open */
	struct boot_id boot;
};

#define DOWNTIME_NULL ((struct downtime){.fd = -1})

/* Opens the file, making it when it is missing. *ret_until_ns: boottime up to which a sensor of this spool watched this boot; 0 = none did, or it cannot
 * be known. Errors: -errno; a failure costs only the intervals, and what is written later is dropped. */
int downtime_open(struct downtime *ret, const char *spool_dir, const struct boot_id *boot, uint64_t *ret_until_ns);
void downtime_close(struct downtime *downtime); /* takes what is not open */

/* Writes that the boot has been watched up to now_ns. Returns 0 or -errno. */
int downtime_write(const struct downtime *downtime, uint64_t now_ns);

#endif
