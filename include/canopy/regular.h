/* SPDX-License-Identifier: Apache-2.0 */
/* Opening files that are written to by their name in a folder that somebody else may have prepared: a link that stands
 * there would lead the write of a privileged program elsewhere, and a pipe or a device is no place for data. */
#ifndef CANOPY_REGULAR_H
#define CANOPY_REGULAR_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* As openat, for a regular file alone. Returns the descriptor, owned by the caller, which is not inherited; -ELOOP for a
 * symbolic link, -EMEDIUMTYPE for anything else that is no regular file, or another -errno. */
static inline int regular_open(int dir_fd, const char *name, int flags, mode_t mode)
{
	/* O_NONBLOCK: a pipe without a writer is refused, not waited for. It changes nothing for regular files. */
	int fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode), r;
	struct stat st;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EMEDIUMTYPE;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

#endif
