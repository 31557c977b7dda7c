/* SPDX-License-Identifier: Apache-2.0 */
/* The acknowledged position beside the segments of a spool: a file of one small record, written in place. It need not be durable:
 * an old or damaged one only makes batches go out again. */
#ifndef CANOPY_PROTO_SEGLOG_ACKED_H
#define CANOPY_PROTO_SEGLOG_ACKED_H

#include <stddef.h>
#include <stdint.h>

#define ACKED_FILE "acked"
#define ACKED_BYTES 32u

/* The position saved for stream, or 0. */
uint64_t acked_read(const char *dir, uint64_t stream);
int acked_remove(const char *dir);
/* Errors: the errno of the failing call. */
int acked_write(const char *dir, uint64_t stream, uint64_t seq);

/* The record itself, without I/O. The position, or 0 for one that is damaged or of another stream. */
uint64_t acked_decode(const void *data, size_t len, uint64_t stream);
void acked_encode(uint64_t stream, uint64_t seq, uint8_t ret[ACKED_BYTES]);

#endif
