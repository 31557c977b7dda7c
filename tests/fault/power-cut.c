/* SPDX-License-Identifier: Apache-2.0 */
/* The power goes, and comes again: what power-shim.c has noted is made into a folder.
 *
 *   power-cut settle FOLDER SHADOW         all that is in FOLDER is durable
 *   power-cut behind FOLDER SHADOW NEW     NEW: nothing that was not synced has come to the disk
 *   power-cut ahead FOLDER SHADOW NEW      NEW: of what was not synced all names and lengths have come there, and of the
 *                                          content every second sector, as a disk may that writes in another order */
#include <stdlib.h>

#include "tests/fault/power.h"

#define SECTOR 512u

static int live, shadow; /* FOLDER and SHADOW */

static void die(const char *what, int error)
{
	(void)fprintf(stderr, "power-cut: %s: %s\n", what, strerror(-error));
	exit(1);
}

static int open_or_die(int at, const char *name, int flags, unsigned mode)
{
	int fd = openat(at, name, flags | O_CLOEXEC, mode & 07777);

	if (fd < 0)
		die(name, -errno);
	return fd;
}

static int make_folder(int at, const char *name, unsigned mode)
{
	if (mkdirat(at, name, mode & 07777) < 0)
		die(name, -errno);
	return open_or_die(at, name, O_RDONLY | O_DIRECTORY, 0);
}

/* ---- all is durable ------------------------------------------------------------------------------------------ */

static void settle(int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		fd = open_or_die(folder, entry->d_name, O_RDONLY, 0);
		if (entry->d_type == DT_DIR)
			settle(fd);
		else if ((r = power_note(shadow, fd)) < 0)
			die(entry->d_name, r);
		(void)close(fd);
	}
	if (dir)
		(void)closedir(dir);
	r = power_note(shadow, folder);
	if (r < 0)
		die("folder", r);
}

/* ---- nothing more than what was synced ----------------------------------------------------------------------- */

static void restore_file(const char *key, const char *name, unsigned mode, int into)
{
	int from = openat(shadow, key, O_RDONLY | O_CLOEXEC), to = open_or_die(into, name, O_WRONLY | O_CREAT | O_EXCL, mode);
	int r = from < 0 ? 0 : power_copy(from, to); /* never synced: its name alone */

	if (r < 0)
		die(name, r);
	if (from >= 0)
		(void)close(from);
	(void)close(to);
}

static void restore(const char *key, int into)
{
	int fd = openat(shadow, key, O_RDONLY | O_CLOEXEC);
	FILE *list = fd < 0 ? NULL : fdopen(fd, "r");
	char entry[POWER_KEY_MAX], name[256];
	unsigned mode = 0;

	while (list && fscanf(list, "%63s %o %255[^\n]", entry, &mode, name) == 3) {
		if (S_ISDIR(mode)) {
			int child = make_folder(into, name, mode);

			restore(entry, child);
			(void)close(child);
		} else {
			restore_file(entry, name, mode, into);
		}
	}
	if (list)
		(void)fclose(list);
}

/* ---- names first, content in any order ----------------------------------------------------------------------- */

static void read_sector(int fd, off_t at, char data[SECTOR])
{
	memset(data, 0, SECTOR);
	if (fd >= 0 && pread(fd, data, SECTOR, at) < 0)
		die("read", -errno);
}

static void mix_file(int from, int to)
{
	char key[POWER_KEY_MAX], fresh[SECTOR], old[SECTOR];
	unsigned mode = 0, changed = 0;
	struct stat st;
	int synced, r = power_key(from, key, &mode);

	if (r < 0 || fstat(from, &st) < 0)
		die("look at a file", r < 0 ? r : -errno);
	synced = openat(shadow, key, O_RDONLY | O_CLOEXEC);
	for (off_t at = 0; at < st.st_size; at += SECTOR) {
		size_t len = st.st_size - at < SECTOR ? (size_t)(st.st_size - at) : SECTOR;

		read_sector(from, at, fresh);
		read_sector(synced, at, old);
		if (memcmp(fresh, old, SECTOR) != 0 && changed++ % 2 == 0)
			memcpy(fresh, old, SECTOR);
		r = power_write_all(to, fresh, len);
		if (r < 0)
			die("write", r);
	}
	if (synced >= 0)
		(void)close(synced);
}

static void mix(int folder, int into)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct stat st;
		int from, to;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		from = open_or_die(folder, entry->d_name, O_RDONLY, 0);
		if (fstat(from, &st) < 0)
			die(entry->d_name, -errno);
		if (S_ISDIR(st.st_mode)) {
			to = make_folder(into, entry->d_name, st.st_mode);
			mix(from, to);
		} else {
			to = open_or_die(into, entry->d_name, O_WRONLY | O_CREAT | O_EXCL, st.st_mode);
			mix_file(from, to);
		}
		(void)close(from);
		(void)close(to);
	}
	if (dir)
		(void)closedir(dir);
}

int main(int argc, char **argv)
{
	char key[POWER_KEY_MAX];
	unsigned mode = 0;
	int r;

	if (argc < 4 || (argc < 5 && strcmp(argv[1], "settle") != 0))
		return fprintf(stderr, "usage: %s settle|behind|ahead FOLDER SHADOW [NEW]\n", argv[0]), 2;
	(void)umask(0);
	live = open_or_die(AT_FDCWD, argv[2], O_RDONLY | O_DIRECTORY, 0);
	shadow = open_or_die(AT_FDCWD, argv[3], O_RDONLY | O_DIRECTORY, 0);
	r = power_key(live, key, &mode);
	if (r < 0)
		die(argv[2], r);
	if (!strcmp(argv[1], "settle"))
		settle(live);
	else if (!strcmp(argv[1], "behind"))
		restore(key, make_folder(AT_FDCWD, argv[4], mode));
	else
		mix(live, make_folder(AT_FDCWD, argv[4], mode));
	return 0;
}
