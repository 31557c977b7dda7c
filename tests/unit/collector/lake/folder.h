/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for a test, and what stands in a lake below it. */
#ifndef CANOPY_TESTS_LAKE_FOLDER_H
#define CANOPY_TESTS_LAKE_FOLDER_H

#include <fnmatch.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#define FOLDER_MAX 32
#define FOLDER_FILES_MAX 256

struct folder {
	char path[FOLDER_MAX], lake[FOLDER_MAX + 8], state[FOLDER_MAX + 8];
};

static inline void folder_make(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/canopy-lake-XXXXXX");
	if (!mkdtemp(folder->path))
		abort();
	(void)snprintf(folder->lake, sizeof(folder->lake), "%s/lake", folder->path);
	(void)snprintf(folder->state, sizeof(folder->state), "%s/state", folder->path);
	if (mkdir(folder->state, 0700) < 0)
		abort();
}

static inline int folder_unlink_(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void folder_remove(const struct folder *folder)
{
	(void)nftw(folder->path, folder_unlink_, 16, FTW_DEPTH | FTW_PHYS);
}

/* The files of the last folder_list, in no particular order. */
static char folder_files[FOLDER_FILES_MAX][256];
static size_t folder_count;
static const char *folder_pattern_;

static inline int folder_visit_(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_F && !fnmatch(folder_pattern_, path, 0) && folder_count < FOLDER_FILES_MAX)
		(void)snprintf(folder_files[folder_count++], sizeof(folder_files[0]), "%s", path);
	return 0;
}

/* Lists the files below path whose whole path fits the pattern ('*' also spans slashes). */
static inline size_t folder_list(const char *path, const char *pattern)
{
	folder_count = 0;
	folder_pattern_ = pattern;
	(void)nftw(path, folder_visit_, 16, FTW_PHYS);
	return folder_count;
}

/* Everything that one gzip file holds, NUL-terminated and malloc'ed; NULL when it cannot be read to its end. */
static inline char *folder_read(const char *path)
{
	gzFile file = gzopen(path, "rb");
	size_t size = 1 << 16, len = 0;
	char *text = malloc(size);
	int n = -1;

	while (file && text && (n = gzread(file, text + len, (unsigned)(size - len - 1))) > 0) {
		len += (size_t)n;
		if (size - len < size / 2)
			text = realloc(text, size *= 2);
	}
	if (!file || gzclose(file) != Z_OK || n < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

#endif
