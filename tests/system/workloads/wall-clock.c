// SPDX-License-Identifier: Apache-2.0
/* A wall clock that one process alone sees jump: preloaded, it adds the nanoseconds that the file CANOPY_WALL_SHIFT holds (decimal, padded with blanks) to
 * what the kernel says of CLOCK_REALTIME. The file is mapped, so that a test can change it while the process runs and no system call is needed. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 32
#define NS_PER_S 1000000000ll

static const char *text; /* mapped; NULL = nothing is shifted */

__attribute__((constructor)) static void map_shift(void)
{
	const char *path = getenv("CANOPY_WALL_SHIFT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, TEXT_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map != MAP_FAILED)
		text = map;
}

static long long shift_ns(void)
{
	char copy[TEXT_BYTES + 1] = "";

	for (int i = 0; text && i < TEXT_BYTES; i++)
		copy[i] = ((const volatile char *)text)[i];
	return strtoll(copy, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);
	long long shifted;

	if (r != 0 || clock != CLOCK_REALTIME)
		return r;
	shifted = (long long)ret->tv_sec * NS_PER_S + ret->tv_nsec + shift_ns();
	ret->tv_sec = (time_t)(shifted / NS_PER_S);
	ret->tv_nsec = (long)(shifted % NS_PER_S);
	return 0;
}
