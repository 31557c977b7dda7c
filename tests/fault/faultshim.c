/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program of ours: lets the Nth call of a kind fail, and that call alone.
 *
 *   CANOPY_FAULT=KIND:N[:ERRNO]   KIND: alloc, write, fsync or connect; N from 1 on; ERRNO a number
 *   CANOPY_FAULT_HIT=FILE         is made when that call has come
 *   CANOPY_FAULT_COUNT=FILE       at the end: how many calls there were, one line 'KIND COUNT'
 *
 * alloc: malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign, whoever asks. write: to regular files alone, half of it is written first. fsync: fdatasync
 * and fsync. Calls are counted from main() on: a program that cannot even be loaded proves nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
	ALLOC,
	WRITE,
	FSYNC,
	CONNECT,
	KINDS,
};

static const char *const names[KINDS] = {"alloc", "write", "fsync", "connect"};
static const int errors[KINDS] = {ENOMEM, EIO, EIO, ECONNREFUSED};

static unsigned long counts[KINDS], wanted;
static int error, kind = -1;
static const char *hit; /* of the environment, which nobody changes */
static bool active;

/* glibc's own names: dlsym allocates, so the allocator cannot be looked up by it. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* Nothing here allocates. */
static void note_hit(void)
{
	int fd = hit ? open(hit, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		(void)close(fd);
}

static bool fails(enum kind of)
{
	unsigned long count;

	if (!__atomic_load_n(&active, __ATOMIC_RELAXED))
		return false;
	count = __atomic_add_fetch(&counts[of], 1, __ATOMIC_RELAXED);
	if ((int)of != kind || count != wanted)
		return false;
	note_hit();
	errno = error;
	return true;
}

__attribute__((constructor)) static void begin(void)
{
	const char *fault = getenv("CANOPY_FAULT");

	hit = getenv("CANOPY_FAULT_HIT");
	for (int i = 0; fault && i < KINDS; i++) {
		size_t len = strlen(names[i]);
		char *end;

		if (strncmp(fault, names[i], len) != 0 || fault[len] != ':')
			continue;
		kind = i;
		wanted = strtoul(fault + len + 1, &end, 10);
		error = *end == ':' ? atoi(end + 1) : errors[i];
	}
	active = true;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("CANOPY_FAULT_COUNT");
	FILE *file;

	active = false;
	file = path ? fopen(path, "w") : NULL;
	if (!file)
		return;
	for (int i = 0; i < KINDS; i++)
		fprintf(file, "%s %lu\n", names[i], counts[i]);
	(void)fclose(file);
}

void *malloc(size_t size)
{
	return fails(ALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	int saved = errno;
	void *memory = fails(ALLOC) ? NULL : __libc_memalign(alignment, size);

	errno = saved; /* it returns its error */
	if (!memory)
		return ENOMEM;
	*ret = memory;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_memalign(alignment, size);
}

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Under 64 bit offsets, with which all of ours is built, pwrite is this. */
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	ssize_t (*next)(int, const void *, size_t, off64_t) = (ssize_t(*)(int, const void *, size_t, off64_t))real(__func__);

	if (!fails(WRITE))
		return next(fd, data, len, offset);
	(void)next(fd, data, len / 2, offset);
	errno = error;
	return -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*next)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))real(__func__);

	if (!is_file(fd) || fd <= STDERR_FILENO || !fails(WRITE))
		return next(fd, data, len);
	(void)next(fd, data, len / 2);
	errno = error;
	return -1;
}

int fsync(int fd)
{
	int (*next)(int) = (int (*)(int))real(__func__);

	return fails(FSYNC) ? -1 : next(fd);
}

int fdatasync(int fd)
{
	int (*next)(int) = (int (*)(int))real(__func__);

	return fails(FSYNC) ? -1 : next(fd);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int (*next)(int, const struct sockaddr *, socklen_t) = (int (*)(int, const struct sockaddr *, socklen_t))real(__func__);

	return fails(CONNECT) ? -1 : next(fd, to, len);
}
