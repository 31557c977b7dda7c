/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at is the open file, not the path, so that nothing can be put in its place in between. */
#include "proto/stream/pem-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static int fail(int error, char **ret_why, const char *format, ...)
{
	va_list args;

	if (!ret_why)
		return error;
	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

static int check(const struct stat *status, const char *path, const char *what, enum pem_secrecy secrecy, size_t max,
		 char **ret_why)
{
	unsigned mode = status->st_mode & 07777;

	if (!S_ISREG(status->st_mode))
		return fail(-EINVAL, ret_why, "the %s %s is not a plain file", what, path);
	if (mode & S_IWOTH)
		return fail(-EACCES, ret_why, "the %s %s has mode %04o, so that everybody can write it; chmod o-w it", what, path,
			    mode);
	if (secrecy == PEM_SECRET && mode & (S_IRWXO | S_IWGRP))
		return fail(-EACCES, ret_why, "the %s %s has mode %04o, so that others can %s it; chmod 600 it", what, path, mode,
			    mode & S_IROTH ? "read" : "write");
	if (secrecy == PEM_SECRET && status->st_uid != 0 && status->st_uid != geteuid())
		return fail(-EACCES, ret_why, "the %s %s belongs to user %u, this is user %u; chown it", what, path, status->st_uid,
			    geteuid());
	if (status->st_size < 0 || (uintmax_t)status->st_size > max)
		return fail(-EFBIG, ret_why, "the %s %s has %jd bytes, more than the %zu that one may have", what, path,
			    (intmax_t)status->st_size, max);
	return 0;
}

/* It may grow meanwhile: one byte more than it had tells. */
static int read_all(int fd, size_t size, char **ret_data, size_t *ret_len)
{
	char *data = malloc(size + 1);
	size_t len = 0;
	ssize_t n = 1;

	if (!data)
		return -ENOMEM;
	while (len < size && n > 0) {
		n = read(fd, data + len, size - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (n < 0) {
		int r = -errno;

		pem_file_free(data, len);
		return r;
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int pem_file_read(const char *path, const char *what, enum pem_secrecy secrecy, size_t max, char **ret_data,
		  size_t *ret_len, char **ret_why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	struct stat status;

	if (fd < 0) {
		r = -errno;
		return fail(r, ret_why, "cannot open the %s %s: %s; check the path, and that this user may read it", what, path,
			    strerror(-r));
	}
	if (fstat(fd, &status) < 0)
		r = fail(-errno, ret_why, "cannot look at the %s %s: %s", what, path, strerror(errno));
	else
		r = check(&status, path, what, secrecy, max, ret_why);
	if (r == 0) {
		r = read_all(fd, (size_t)status.st_size, ret_data, ret_len);
		if (r < 0)
			(void)fail(r, ret_why, "cannot read the %s %s: %s", what, path, strerror(-r));
	}
	(void)close(fd);
	return r;
}

void pem_file_free(char *data, size_t len)
{
	if (data)
		explicit_bzero(data, len);
	free(data);
}

void pem_file_stamp(const char *path, struct pem_stamp *ret)
{
	struct stat status;

	*ret = (struct pem_stamp){0};
	if (!path || stat(path, &status) < 0)
		return;
	*ret = (struct pem_stamp){
	    .device = status.st_dev,
	    .inode = status.st_ino,
	    .size = (uint64_t)status.st_size,
	    .mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
	    .ctime_ns = (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec,
	};
}
