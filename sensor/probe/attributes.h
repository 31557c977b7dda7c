/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of a file as this kernel holds them, which is what the hooks see, too. */
#ifndef CANOPY_SENSOR_PROBE_ATTRIBUTES_H
#define CANOPY_SENSOR_PROBE_ATTRIBUTES_H

#include <sys/stat.h>

/* As fstatat(2) without flags, but a file system that may be far away, or no longer there (NFS, FUSE), is not asked what has become of the file
 * (AT_STATX_DONT_SYNC of statx(2)), nor is anything mounted for it. Whom a link of /proc leads to is found without asking; the way of a path may ask. Fills
 * device, inode, mode, links, owner, group and the time of change alone. Returns 0 or a negative errno. */
int attributes_get(int dir, const char *path, struct stat *ret);

#endif
