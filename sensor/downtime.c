/* SPDX-License-Identifier: Apache-2.0 */
/* The file holds one line: boot_id in hex, a blank, nanoseconds of boottime. It is replaced by rename, so a reader never sees half of it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sensor/downtime.h"

#define PATH_BYTES 4096

static void boot_hex(const struct boot_id *boot, char out[2 * BOOT_ID_BYTES + 1])
{
	for (unsigned i = 0; i < BOOT_ID_BYTES; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", boot->octets[i]);
}

static int join(char out[PATH_BYTES], const char *dir, const char *name)
{
	int len = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

	return len < 0 || len >= PATH_BYTES ? -ENAMETOOLONG : 0;
}

uint64_t downtime_read(const char *spool_dir, const struct boot_id *boot)
{
	char path[PATH_BYTES], wanted[2 * BOOT_ID_BYTES + 1], seen[2 * BOOT_ID_BYTES + 1];
	uint64_t ns = 0;
	FILE *file;

	if (join(path, spool_dir, DOWNTIME_FILE) < 0)
		return 0;
	file = fopen(path, "re");
	if (!file)
		return 0;
	boot_hex(boot, wanted);
	if (fscanf(file, "%32s %" SCNu64, seen, &ns) != 2 || strcmp(seen, wanted) != 0)
		ns = 0;
	(void)fclose(file);
	return ns;
}

static int write_line(const char *path, const struct boot_id *boot, uint64_t now_ns)
{
	char hex[2 * BOOT_ID_BYTES + 1];
	FILE *file = fopen(path, "we");
	int written;

	if (!file)
		return -errno;
	boot_hex(boot, hex);
	written = fprintf(file, "%s %" PRIu64 "\n", hex, now_ns);
	if (fclose(file) != 0 || written < 0)
		return -EIO;
	return 0;
}

int downtime_write(const char *spool_dir, const struct boot_id *boot, uint64_t now_ns)
{
	char path[PATH_BYTES], temporary[PATH_BYTES];
	int r = join(path, spool_dir, DOWNTIME_FILE);

	if (r == 0)
		r = join(temporary, spool_dir, DOWNTIME_FILE ".tmp");
	if (r == 0)
		r = write_line(temporary, boot, now_ns);
	if (r < 0)
		return r;
	return rename(temporary, path) < 0 ? -errno : 0;
}
