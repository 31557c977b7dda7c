// SPDX-License-Identifier: Apache-2.0
#include "sensor/probe/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#define WANTED (STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID | STATX_CTIME | STATX_INO)

int attributes_get(int dir, const char *path, struct stat *ret)
{
	struct statx held;

	if (statx(dir, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, WANTED, &held) < 0)
		return -errno;
	*ret = (struct stat){
		.st_dev = makedev(held.stx_dev_major, held.stx_dev_minor),
		.st_ino = held.stx_ino,
		.st_mode = held.stx_mode,
		.st_nlink = held.stx_nlink,
		.st_uid = held.stx_uid,
		.st_gid = held.stx_gid,
		.st_ctim = {.tv_sec = held.stx_ctime.tv_sec, .tv_nsec = held.stx_ctime.tv_nsec},
	};
	return 0;
}
