/* SPDX-License-Identifier: Apache-2.0 */
/* Written beside and renamed. Not synchronised to disk: after a power failure an older place repeats events, it never
 * skips any. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/console/cli/cursor.h"

int cursor_read(const char *path, struct text *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char data[CURSOR_MAX];
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	len = read(fd, data, sizeof(data));
	if (len < 0)
		len = -errno;
	(void)close(fd);
	if (len < 0)
		return (int)len;
	if (len == (ssize_t)sizeof(data))
		return -EINVAL;
	if (len && data[len - 1] == '\n')
		len--;
	for (ssize_t i = 0; i < len; i++)
		if (data[i] <= ' ' || data[i] > '~') /* it becomes a header line */
			return -EINVAL;
	text_add(ret, data, (size_t)len);
	return ret->failed ? -ENOMEM : 0;
}

int cursor_write(const char *path, const char *id)
{
	struct text beside = TEXT_NULL;
	int err = 0;
	FILE *file;

	text_printf(&beside, "%s.%ld.new", path, (long)getpid());
	file = beside.failed ? NULL : fopen(text_string(&beside), "we");
	if (!file) {
		err = beside.failed ? -ENOMEM : -errno;
		text_finish(&beside);
		return err;
	}
	if (fprintf(file, "%s\n", id) < 0)
		err = -EIO;
	if (fclose(file) != 0)
		err = -errno;
	if (!err && rename(text_string(&beside), path) < 0)
		err = -errno;
	if (err)
		(void)unlink(text_string(&beside));
	text_finish(&beside);
	return err;
}
