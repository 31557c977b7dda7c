/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the segment log: made, written, cut, synced, removed. What is in it is parse.h's and walk.h's business.
 */
#ifndef CANOPY_PROTO_SEGLOG_SEGMENT_H
#define CANOPY_PROTO_SEGLOG_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/seglog/parse.h"

#define SEGMENT_NAME_BYTES 32u
#define SEGMENT_SUFFIX ".seg"
#define SEGMENT_DIGITS 20u /* of UINT64_MAX, so that names sort like numbers */

struct segment {
	uint64_t first, end; /* committed record numbers [first, end); damaged ones may be among them */
	uint64_t bytes;      /* up to the end of the last committed record */
	uint32_t seed, version;
	int fd;          /* read and write while it is the open one or dirty, else -1 */
	bool dirty;      /* written since the last sync */
	bool unreadable; /* both copies of the header are damaged: without the salt no record can be told */
};

#define SEGMENT_NULL ((struct segment){.fd = -1})

/* Writes the file name of the segment whose first record is number. */
void segment_name(char name[SEGMENT_NAME_BYTES], uint64_t number);
/* The number in a file name; false when it is not a segment's. */
bool segment_number(const char *name, uint64_t *ret);

/* Makes the file, writes its header (header->created_wall_ns and seed are set here) and asks for reserve bytes in
 * advance. On failure nothing stays behind. Errors: the errno of the failing call. */
int segment_create(int dir_fd, struct parse_header *header, uint64_t reserve, struct segment *ret);
/* Opens the existing file by O_RDONLY or O_RDWR. */
int segment_open(int dir_fd, uint64_t first, int flags, int *ret_fd);
/* Writes all or fails. */
int segment_write(int fd, uint64_t offset, const uint8_t *data, size_t len);
/* Makes the file end at bytes: whatever was reserved or torn behind is gone. */
int segment_cut(int fd, uint64_t bytes);
int segment_sync(int fd);
int segment_unlink(int dir_fd, uint64_t first);
/* Closes the descriptor, if any. */
void segment_release(struct segment *segment);

#endif
