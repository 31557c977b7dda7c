/* SPDX-License-Identifier: Apache-2.0 */
/* The file holds one line: boot_id in hex, a blank, nanoseconds of boottime in twenty digits. It is always as long, so that it is overwritten in place by one
 * system call, which needs no room on the disk; a line that is not whole is as good as none. */
#include "sensor/downtime.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "canopy/regular.h"

#define PATH_BYTES 4096
#define HEX_BYTES (2 * BOOT_ID_BYTES)
#define LINE_BYTES (HEX_BYTES + 1 + 20 + 1)

static void boot_hex(const struct boot_id *boot, char out[HEX_BYTES + 1])
{
	for (unsigned i = 0; i < BOOT_ID_BYTES; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", boot->octets[i]);
}

static uint64_t read_line(int fd, const struct boot_id *boot)
{
	char line[LINE_BYTES + 1], wanted[HEX_BYTES + 1], seen[HEX_BYTES + 1];
	ssize_t len = pread(fd, line, LINE_BYTES, 0);
	uint64_t ns;

	if (len < 0)
		return 0;
	line[len] = '\0';
	boot_hex(boot, wanted);
	return sscanf(line, "%32s %" SCNu64, seen, &ns) == 2 && strcmp(seen, wanted) == 0 && strchr(line, '\n') ? ns : 0;
}

int downtime_open(struct downtime *ret, const char *spool_dir, const struct boot_id *boot, uint64_t *ret_until_ns)
{
	char path[PATH_BYTES];
	int len = snprintf(path, sizeof(path), "%s/%s", spool_dir, DOWNTIME_FILE);
	int fd;

	*ret = DOWNTIME_NULL;
	*ret_until_ns = 0;
	if (len < 0 || len >= PATH_BYTES)
		return -ENAMETOOLONG;
	fd = regular_open(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return fd;
	*ret = (struct downtime){.fd = fd, .boot = *boot};
	*ret_until_ns = read_line(fd, boot);
	return 0;
}

void downtime_close(struct downtime *downtime)
{
	if (downtime->fd >= 0)
		(void)close(downtime->fd);
	*downtime = DOWNTIME_NULL;
}

int downtime_write(const struct downtime *downtime, uint64_t now_ns)
{
	char line[LINE_BYTES + 1], hex[HEX_BYTES + 1];
	ssize_t len;

	if (downtime->fd < 0)
		return -EBADF;
	boot_hex(&downtime->boot, hex);
	(void)snprintf(line, sizeof(line), "%s %020" PRIu64 "\n", hex, now_ns);
	len = pwrite(downtime->fd, line, LINE_BYTES, 0);
	return len < 0 ? -errno : len == LINE_BYTES ? 0 : -EIO;
}
