/* SPDX-License-Identifier: Apache-2.0 */
/* Costs nothing for nearly all: the file is looked at only where ids or capabilities allow that it gave something. */
#include "sensor/probe/gains.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sensor/probe/attributes.h"

#define NO_ROOT UINT32_MAX
#define SETGID_MODE (S_ISGID | S_IXGRP) /* without the execute bit it was once the mark of mandatory locks */

static uint32_t le32(const char *from)
{
	const uint8_t *b = (const uint8_t *)from;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

int gains_parse_caps(struct bytes attribute, struct gains_caps *ret)
{
	struct gains_caps caps = {0};
	uint32_t words;

	if (attribute.len < sizeof(uint32_t))
		return -EBADMSG;
	switch (le32(attribute.data) & VFS_CAP_REVISION_MASK) {
	case VFS_CAP_REVISION_1:
		words = VFS_CAP_U32_1;
		break;
	case VFS_CAP_REVISION_2:
	case VFS_CAP_REVISION_3: /* and whose root it was set by */
		words = VFS_CAP_U32_2;
		break;
	default:
		return -EBADMSG;
	}
	if (attribute.len < sizeof(uint32_t) * (1 + 2 * words))
		return -EBADMSG;
	for (uint32_t i = 0; i < words; i++) {
		const char *at = attribute.data + sizeof(uint32_t) * (1 + 2 * i);

		caps.permitted |= (uint64_t)le32(at) << 32 * i;
		caps.inheritable |= (uint64_t)le32(at + sizeof(uint32_t)) << 32 * i;
	}
	*ret = caps;
	return 0;
}

uint32_t gains_by_ids(const struct event *event, const struct stat *file)
{
	uint32_t flags = 0;

	if ((file->st_mode & S_ISUID) && event->suid == file->st_uid && event->uid != file->st_uid)
		flags |= EVENT_SETUID;
	if ((file->st_mode & SETGID_MODE) == SETGID_MODE && event->sgid == file->st_gid && event->gid != file->st_gid)
		flags |= EVENT_SETGID;
	return flags;
}

/* Whoever runs with all that root has owes it to no file. */
static bool may_have_caps(const struct event *event)
{
	return event->cap_permitted != 0 && event->uid != 0 && event->euid != 0;
}

/* Root of the process's user namespace, in our numbers. */
static uint32_t namespace_root(int process)
{
	unsigned first, lower;
	char text[64];
	int fd = openat(process, "uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return NO_ROOT;
	text[n] = '\0';
	return sscanf(text, "%u %u", &first, &lower) == 2 && first == 0 ? lower : NO_ROOT;
}

static uint32_t by_caps(int process, const char *path, const struct event *event)
{
	char attribute[64]; /* XATTR_CAPS_SZ_3 is 24 */
	ssize_t n = getxattr(path, "security.capability", attribute, sizeof(attribute));
	struct gains_caps caps;
	uint32_t root;

	if (n <= 0 || gains_parse_caps(bytes_make(attribute, (size_t)n), &caps) < 0)
		return 0;
	if (!(event->cap_permitted & (caps.permitted | (caps.inheritable & event->cap_inheritable))))
		return 0;
	root = namespace_root(process);
	return event->uid == root || event->euid == root ? 0 : EVENT_FILECAP;
}

/* A file system may be far away: it is asked last. */
static bool heeds_bits(const char *path)
{
	struct statvfs mount;

	return statvfs(path, &mount) == 0 && !(mount.f_flag & ST_NOSUID);
}

void gains_fill(int process, struct event *event)
{
	bool ids = event->exe_mode & (S_ISUID | S_ISGID) && (event->suid != event->uid || event->sgid != event->gid);
	uint32_t flags = 0;
	struct stat file;
	char path[48];

	if (!ids && !may_have_caps(event))
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/exe", process);
	if (ids && attributes_get(AT_FDCWD, path, &file) == 0)
		flags |= gains_by_ids(event, &file);
	if (may_have_caps(event))
		flags |= by_caps(process, path, event);
	if (flags && heeds_bits(path))
		event->flags |= flags;
}
