/* SPDX-License-Identifier: Apache-2.0 */
/* A slow disk: preloaded, each fdatasync takes as many milliseconds longer as the file in CANOPY_SLOW_SYNC says. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const char *path = getenv("CANOPY_SLOW_SYNC");
	FILE *file = path ? fopen(path, "re") : NULL;
	long ms = 0;

	if (file) {
		if (fscanf(file, "%ld", &ms) != 1)
			ms = 0;
		(void)fclose(file);
	}
	if (ms > 0)
		(void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
	return (int)syscall(SYS_fdatasync, fd);
}
