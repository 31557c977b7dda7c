/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that outlive a power loss: a folder that was made is there for certain once the one it stands in has been synced. */
#ifndef CANOPY_DURABLE_H
#define CANOPY_DURABLE_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Syncs the folder that path stands in. One that this user may not read, or whose file system has nothing to sync, is no failure:
 * whoever made it has seen to it. */
static inline void durable_parent(const char *path)
{
	char *copy = strdup(path), *slash;
	int fd;

	if (!copy)
		return;
	for (slash = copy + strlen(copy); slash > copy + 1 && slash[-1] == '/'; *--slash = '\0')
		;
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
	free(copy);
}

/* As mkdir, but one that is there is no failure; durable either way, since whoever made it may have died before the sync. Returns 0
 * or -errno. */
static inline int durable_mkdir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	durable_parent(path);
	return 0;
}

#endif
