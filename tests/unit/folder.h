/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for a test, and what a test does to the files in it. */
#ifndef CANOPY_TESTS_FOLDER_H
#define CANOPY_TESTS_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_PATH_MAX 512

struct folder {
	char path[FOLDER_PATH_MAX];
};

static inline int folder_make(struct folder *folder)
{
	const char *base = getenv("TMPDIR");

	/* In memory where that is possible: what is tested is what is written, not when the disk has it. */
	if (!base && access("/dev/shm", W_OK) == 0)
		base = "/dev/shm";
	(void)snprintf(folder->path, sizeof(folder->path), "%s/canopy-test-XXXXXX", base ? base : "/tmp");
	return mkdtemp(folder->path) ? 0 : -1;
}

static inline void folder_file(const struct folder *folder, const char *name, char path[FOLDER_PATH_MAX * 2])
{
	if (snprintf(path, FOLDER_PATH_MAX * 2, "%s/%s", folder->path, name) >= FOLDER_PATH_MAX * 2)
		abort();
}

/* Removes the files and the folder; there are no nested ones. */
static inline void folder_remove(const struct folder *folder)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(folder->path);
}

/* Segment files by number: the i-th name, false when there are fewer. */
static inline int folder_segments(const struct folder *folder, char names[][NAME_MAX + 1], int max)
{
	struct dirent **entries;
	int found = scandir(folder->path, &entries, NULL, alphasort), count = 0;

	for (int i = 0; i < found; i++) {
		if (strstr(entries[i]->d_name, ".seg") && count < max)
			(void)strcpy(names[count++], entries[i]->d_name);
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	return count;
}

static inline long folder_size(const struct folder *folder, const char *name)
{
	char path[FOLDER_PATH_MAX * 2];
	struct stat st;

	folder_file(folder, name, path);
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* Changes bytes of a file: xor with mask. */
static inline int folder_flip(const struct folder *folder, const char *name, long offset, size_t len, uint8_t mask)
{
	char path[FOLDER_PATH_MAX * 2];
	int fd, r = 0;

	folder_file(folder, name, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && r == 0 && i < len; i++) {
		uint8_t byte;

		if (pread(fd, &byte, 1, offset + (long)i) != 1)
			r = -1;
		byte ^= mask;
		if (r == 0 && pwrite(fd, &byte, 1, offset + (long)i) != 1)
			r = -1;
	}
	return fd < 0 || close(fd) < 0 ? -1 : r;
}

static inline int folder_truncate(const struct folder *folder, const char *name, long size)
{
	char path[FOLDER_PATH_MAX * 2];

	folder_file(folder, name, path);
	return truncate(path, size);
}

static inline int folder_append(const struct folder *folder, const char *name, const void *data, size_t len)
{
	char path[FOLDER_PATH_MAX * 2];
	int fd;
	ssize_t n;

	folder_file(folder, name, path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	n = write(fd, data, len);
	return close(fd) == 0 && n == (ssize_t)len ? 0 : -1;
}

#endif
