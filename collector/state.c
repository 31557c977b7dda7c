/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that others can write is refused: whoever can swap a journal under us decides what the fleet is said to have
 * done. */
#include "collector/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canopy/durable.h"
#include "canopy/folder.h"

__attribute__((format(printf, 3, 4))) static int fail(char **ret_why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

int state_prepare(const char *dir, char **ret_why)
{
	struct stat status;
	int r = durable_mkdir(dir, 0700);

	if (r < 0)
		return fail(
		    ret_why, r,
		    "cannot make the state folder %s: %s; make its parent folder, or choose another one by --state",
		    dir, strerror(-r));
	if (folder_judge_path(dir) != 0)
		return fail(ret_why, -EPERM, "the state folder %s is a link that another user has made; name the folder itself", dir);
	if (stat(dir, &status) < 0)
		return fail(ret_why, -errno, "cannot look at the state folder %s: %s", dir, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return fail(ret_why, -ENOTDIR, "%s is not a folder; choose another one by --state", dir);
	if (status.st_uid != geteuid())
		return fail(ret_why, -EPERM,
			    "the state folder %s belongs to user %u, this is user %u; run as its owner or chown it",
			    dir, status.st_uid, geteuid());
	if (folder_judge(&status) != 0)
		return fail(ret_why, -EPERM,
			    "the state folder %s has mode %04o, so that others can write it; chmod go-w it", dir,
			    status.st_mode & 07777);
	if (access(dir, W_OK | X_OK) < 0)
		return fail(
		    ret_why, -errno,
		    "cannot write to the state folder %s: %s; give it to this user or choose another one by --state",
		    dir, strerror(errno));
	return 0;
}

static int write_line(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0644) < 0 || dprintf(fd, "%s\n", text) < 0) /* whatever the umask is */
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int state_write(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX], draft[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    snprintf(draft, sizeof(draft), "%s/.%s.new", dir, name) >= (int)sizeof(draft))
		return -ENAMETOOLONG;
	r = write_line(draft, text);
	if (r == 0 && rename(draft, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(draft);
	return r;
}

void state_remove(const char *dir, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
		(void)unlink(path);
}
