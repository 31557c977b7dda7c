/* SPDX-License-Identifier: Apache-2.0 */
/* A file of certificates, keys or tokens, read whole after a look at who else may read or write it. */
#ifndef CANOPY_PROTO_STREAM_PEM_FILE_H
#define CANOPY_PROTO_STREAM_PEM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pem_secrecy {
	PEM_PUBLIC, /* nobody else may write it */
	PEM_SECRET, /* its group may read it, others may not; its owner is root or who runs this */
};

/* What changes when a file is replaced or written. */
struct pem_stamp {
	uint64_t device, inode, size;
	int64_t mtime_ns, ctime_ns;
};

/* *ret_data is malloc'ed, of *ret_len bytes and a NUL behind them; a secret is to be freed by pem_file_free. what names the
 * file in messages ("private key"). Errors: -EACCES, -EFBIG (over max), -EINVAL (not a plain file), -errno, -ENOMEM;
 * *ret_why (may be NULL) is then a malloc'ed sentence that names file, value and remedy. */
int pem_file_read(const char *path, const char *what, enum pem_secrecy secrecy, size_t max, char **ret_data,
		  size_t *ret_len, char **ret_why);
/* Wipes before it frees. Takes NULL. */
void pem_file_free(char *data, size_t len);

/* Zeroes for a file that is not there. */
void pem_file_stamp(const char *path, struct pem_stamp *ret);

#endif
