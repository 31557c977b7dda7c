/* SPDX-License-Identifier: Apache-2.0 */
/* Checksummed, because a position that is too high would skip batches that nobody has. */
#include "proto/seglog/acked.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "canopy/regular.h"
#include "proto/seglog/crc32c.h"

#define ACKED_MAGIC "CNPYACKD" /* 8 octets, without the NUL */

struct acked {
	uint8_t magic[8];
	uint64_t stream, seq; /* little-endian */
	uint32_t crc;         /* CRC32C of all before it */
	uint32_t reserved;
};
static_assert(sizeof(struct acked) == ACKED_BYTES, "on disk");

static int open_file(const char *dir, int flags)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" ACKED_FILE, dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return regular_open(AT_FDCWD, path, flags, 0600);
}

uint64_t acked_decode(const void *data, size_t len, uint64_t stream)
{
	struct acked acked;

	if (len != sizeof(acked))
		return 0;
	memcpy(&acked, data, sizeof(acked));
	if (memcmp(acked.magic, ACKED_MAGIC, sizeof(acked.magic)) != 0)
		return 0;
	if (le32toh(acked.crc) != crc32c(0, &acked, offsetof(struct acked, crc)) || le64toh(acked.stream) != stream)
		return 0;
	return le64toh(acked.seq);
}

void acked_encode(uint64_t stream, uint64_t seq, uint8_t ret[ACKED_BYTES])
{
	struct acked acked = {.stream = htole64(stream), .seq = htole64(seq)};

	memcpy(acked.magic, ACKED_MAGIC, sizeof(acked.magic));
	acked.crc = htole32(crc32c(0, &acked, offsetof(struct acked, crc)));
	memcpy(ret, &acked, sizeof(acked));
}

uint64_t acked_read(const char *dir, uint64_t stream)
{
	uint8_t data[ACKED_BYTES];
	int fd = open_file(dir, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, data, sizeof(data));
	(void)close(fd);
	return n < 0 ? 0 : acked_decode(data, (size_t)n, stream);
}

int acked_remove(const char *dir)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" ACKED_FILE, dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int acked_write(const char *dir, uint64_t stream, uint64_t seq)
{
	uint8_t data[ACKED_BYTES];
	int fd = open_file(dir, O_WRONLY | O_CREAT), r = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	acked_encode(stream, seq, data);
	n = pwrite(fd, data, sizeof(data), 0);
	if (n != (ssize_t)sizeof(data))
		r = n < 0 ? -errno : -EIO;
	(void)close(fd);
	return r;
}
