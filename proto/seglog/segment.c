/* SPDX-License-Identifier: Apache-2.0 */
/* A file is made under its final name at once: its header is one write of FORMAT_DATA_OFFSET bytes, so a crash leaves
 * either no byte or all of them, and a power loss zeros, which recovery takes for a segment that never came to be.
 *
 * Space is reserved by fallocate, which saves an allocation at each commit and keeps the file in few extents. It is a
 * help, not a need: a file system that has no room or no call for it is written to as it is. */
#include "proto/seglog/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "canopy/failpoint.h"
#include "canopy/regular.h"

void segment_name(char name[SEGMENT_NAME_BYTES], uint64_t number)
{
	(void)snprintf(name, SEGMENT_NAME_BYTES, "%020" PRIu64 SEGMENT_SUFFIX, number);
}

bool segment_number(const char *name, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < SEGMENT_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, name[i] - '0', &number))
			return false;
	}
	if (strcmp(name + i, SEGMENT_SUFFIX) != 0 || number == 0)
		return false;
	*ret = number;
	return true;
}

static int write_header(int fd, struct parse_header *header)
{
	uint8_t data[FORMAT_DATA_OFFSET], salt[8];
	struct timespec now;

	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -EIO;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	header->created_wall_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	parse_header_write(data, header, salt);
	return segment_write(fd, 0, data, sizeof(data));
}

int segment_create(int dir_fd, struct parse_header *header, uint64_t reserve, struct segment *ret)
{
	char name[SEGMENT_NAME_BYTES];
	int fd, r;

	segment_name(name, header->first);
	/* Whatever stands there already is refused, a link as well. */
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	FAILPOINT("seglog-create");
	(void)fallocate(fd, 0, 0, (off_t)reserve);
	r = write_header(fd, header);
	if (r < 0) {
		(void)unlinkat(dir_fd, name, 0);
		(void)close(fd);
		return r;
	}
	FAILPOINT("seglog-created");
	*ret = (struct segment){
	    .first = header->first,
	    .end = header->first,
	    .bytes = FORMAT_DATA_OFFSET,
	    .seed = header->seed,
	    .version = header->version,
	    .fd = fd,
	    .dirty = true,
	};
	return 0;
}

int segment_open(int dir_fd, uint64_t first, int flags, int *ret_fd)
{
	char name[SEGMENT_NAME_BYTES];
	int fd;

	segment_name(name, first);
	fd = regular_open(dir_fd, name, flags, 0);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int segment_write(int fd, uint64_t offset, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENOSPC;
		data += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int segment_cut(int fd, uint64_t bytes)
{
	return ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
}

int segment_sync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

int segment_unlink(int dir_fd, uint64_t first)
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(name, first);
	FAILPOINT("seglog-unlink");
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	FAILPOINT("seglog-unlinked");
	return 0;
}

void segment_release(struct segment *segment)
{
	if (segment->fd >= 0)
		(void)close(segment->fd);
	segment->fd = -1;
}
