/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers when this host was last watched, so that a sensor that was killed can say which interval nobody saw. One small file
 * beside the spool, rewritten every few seconds; it need not survive a power loss, since the next boot is another boot_id. */
#ifndef CANOPY_SENSOR_DOWNTIME_H
#define CANOPY_SENSOR_DOWNTIME_H

#include <stdint.h>

#include "canopy/identity.h"

#define DOWNTIME_FILE "watched"

/* Boottime in ns up to which a sensor of this spool watched this boot; 0 = none did, or it cannot be known. */
uint64_t downtime_read(const char *spool_dir, const struct boot_id *boot);

/* Writes that the boot has been watched up to now_ns. Returns 0 or -errno; a failure costs only the interval's lower bound. */
int downtime_write(const char *spool_dir, const struct boot_id *boot, uint64_t now_ns);

#endif
