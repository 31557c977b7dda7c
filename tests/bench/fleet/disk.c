/* SPDX-License-Identifier: Apache-2.0 */
/* disk FILE BYTES PER-SECOND COUNT: appends and makes durable, as a journal does, and prints how long fdatasync took.
 * No ack that waits for the disk can be faster: this stands beside the figures of acks. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "need.h"
#include "sorted.h"

#define RESERVED ((off_t)64 * 1024 * 1024)

/* The same blocks again behind RESERVED: then nothing but data is written, as it is within what a journal has reserved.
 */
static uint64_t sync_once(int fd, const void *data, size_t len, off_t at)
{
	uint64_t begin = now_ns();

	if (pwrite(fd, data, len, at % RESERVED) != (ssize_t)len || fdatasync(fd) < 0)
		die("write", errno);
	return now_ns() - begin;
}

int main(int argc, char **argv)
{
	size_t len = argc == 5 ? strtoul(argv[2], NULL, 10) : 0, count = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	unsigned long rate = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
	uint64_t *took = calloc(count ? count : 1, sizeof(*took)), begin = now_ns();
	char *data = calloc(len ? len : 1, 1);
	int fd;

	if (!len || !rate || !count || !took || !data) {
		fputs("usage: bench-disk FILE BYTES PER-SECOND COUNT\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RESERVED) < 0)
		die(argv[1], errno);
	for (size_t i = 0; i < count; i++) {
		uint64_t due = begin + i * 1000000000 / rate, now = now_ns();

		if (now < due)
			(void)usleep((useconds_t)((due - now) / 1000));
		took[i] = sync_once(fd, data, len, (off_t)(i * len));
	}
	(void)unlink(argv[1]);
	sort_times(took, count);
	printf("sync_p50_ms=%.3f sync_p99_ms=%.3f sync_max_ms=%.3f\n", percentile(took, count, 0.5), percentile(took, count, 0.99),
	       percentile(took, count, 1));
	return 0;
}
