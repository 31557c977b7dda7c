/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program of ours that will be killed: the page cache outlives that, so only what the program has synced is noted
 * (power.h), for power-cut.c to leave no more than that.
 *
 *   CANOPY_POWER_SHADOW=FOLDER   where it is noted
 *   CANOPY_POWER_IGNORE=WHAT     data, file or folder: fdatasync, fsync of a file or fsync of a folder returns 0 and does
 *                                nothing, as if it had been forgotten */
#include <stdlib.h>

#include "tests/fault/power.h"

static bool ignored(int fd, const char *call)
{
	const char *what = getenv("CANOPY_POWER_IGNORE");
	struct stat st;

	if (!what || fstat(fd, &st) < 0)
		return false;
	if (!strcmp(call, "fdatasync"))
		return !strcmp(what, "data");
	return !strcmp(what, S_ISDIR(st.st_mode) ? "folder" : "file");
}

static int note(int fd, const char *call)
{
	const char *path = getenv("CANOPY_POWER_SHADOW");
	int shadow, r;

	if (ignored(fd, call))
		return 0;
	shadow = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	r = shadow < 0 ? -ENOENT : power_note(shadow, fd);
	if (shadow >= 0)
		(void)close(shadow);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int fsync(int fd)
{
	return note(fd, __func__);
}

int fdatasync(int fd)
{
	return note(fd, __func__);
}
