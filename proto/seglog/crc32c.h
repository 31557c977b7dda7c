/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C (Castagnoli, RFC 3720 section 12.1). */
#ifndef CANOPY_PROTO_SEGLOG_CRC32C_H
#define CANOPY_PROTO_SEGLOG_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from crc, 0 at the beginning: crc32c(crc32c(0, a), b) is the checksum of a followed by b. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same without the processor's instruction; for machines that lack it, and for the test that compares both. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
