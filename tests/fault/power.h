/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk would hold after a power loss, by the letter of POSIX: of a file what it had when it was last synced, of a folder the
 * names that stood in it when it was. It is kept in a folder of its own (the shadow), in which each file and each folder has one entry,
 * named by inode number and time of birth, since numbers are given out again. The preloaded power-shim.c notes what is synced,
 * power-cut.c makes the folder anew from it. Errors are negative errno. */
#ifndef CANOPY_TESTS_FAULT_POWER_H
#define CANOPY_TESTS_FAULT_POWER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POWER_KEY_MAX 64u

/* The entry's name of what is open as fd. *ret_mode: its type and permissions. */
static inline int power_key(int fd, char key[POWER_KEY_MAX], unsigned *ret_mode)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return -errno;
	if (!(st.stx_mask & STATX_BTIME))
		return -ENOTSUP;
	(void)snprintf(key, POWER_KEY_MAX, "%llu-%lld.%09u", (unsigned long long)st.stx_ino,
		       (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
	*ret_mode = st.stx_mode;
	return 0;
}

static inline int power_write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static inline int power_copy(int from, int to)
{
	char data[65536];
	off_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = pread(from, data, sizeof(data), at)) != 0) {
		r = n < 0 ? -errno : power_write_all(to, data, (size_t)n);
		at += n;
	}
	return r;
}

/* A line for each name in the folder: key, mode, name. */
static inline int power_list(int folder, int to)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		char key[POWER_KEY_MAX], line[POWER_KEY_MAX + sizeof(entry->d_name) + 16];
		unsigned mode = 0;
		int fd;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		fd = openat(folder, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue; /* gone meanwhile */
		r = power_key(fd, key, &mode);
		(void)close(fd);
		if (r == 0) {
			int n = snprintf(line, sizeof(line), "%s %o %s\n", key, mode, entry->d_name);

			r = power_write_all(to, line, (size_t)n);
		}
	}
	(void)closedir(dir);
	return r;
}

/* What is open as fd is durable as it is. Whole or not at all: the process may be killed at any moment. */
static inline int power_note(int shadow, int fd)
{
	char key[POWER_KEY_MAX], draft[POWER_KEY_MAX + 32], self[32];
	unsigned mode = 0;
	int from, to, r = power_key(fd, key, &mode);

	if (r < 0)
		return r;
	(void)snprintf(draft, sizeof(draft), "%s.%d.draft", key, gettid());
	to = openat(shadow, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	if (S_ISDIR(mode)) {
		r = power_list(fd, to);
	} else {
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd); /* it may be open for writing alone */
		from = open(self, O_RDONLY | O_CLOEXEC);
		r = from < 0 ? -errno : power_copy(from, to);
		if (from >= 0)
			(void)close(from);
	}
	(void)close(to);
	if (r == 0 && renameat(shadow, draft, shadow, key) < 0)
		r = -errno;
	return r;
}

#endif
