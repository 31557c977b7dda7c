/* SPDX-License-Identifier: Apache-2.0 */
/* The segment log on disk; docs/seglog.md explains it. Every number is little-endian.
 *
 *   offset 0      struct format_header
 *   offset 512    the same again: a sector that goes bad takes one copy along, not the segment
 *   offset 1024   records, each a struct format_record and its payload, padded with zeros to FORMAT_ALIGN
 *   then          zeros up to the end of the file, when it is preallocated, or its end
 *
 * Checksums of records begin from a seed that is made of the header's random salt. Payloads come from strangers, and a
 * stranger who knew the seed could plant something that passes for a record where we search for the next one behind
 * damage; the seed also tells a stale block of an older file from a record of this one. */
#ifndef CANOPY_PROTO_SEGLOG_FORMAT_H
#define CANOPY_PROTO_SEGLOG_FORMAT_H

#include <assert.h>
#include <endian.h>
#include <stdint.h>

#define FORMAT_MAGIC "CNPYSEGM" /* 8 octets, without the NUL */
#define FORMAT_VERSION 2u     /* that is written */
#define FORMAT_VERSION_MIN 1u /* the oldest that is read, one behind */
#define FORMAT_VERSION_SETTLED 2u /* from this one on records have flags; before, their place held a zero */
#define FORMAT_COPY_OFFSET 512u
#define FORMAT_DATA_OFFSET 1024u
#define FORMAT_ALIGN 8u

struct format_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t kind; /* enum seglog_kind */
	uint64_t id;
	uint64_t first; /* number of the first record; the file's name too */
	uint64_t created_wall_ns;
	uint8_t salt[8];
	/* The segment before, when there was one; else zeros. A missing or shortened file is found by them without
	 * reading any. */
	uint64_t previous_first;
	uint64_t previous_end;   /* its last record number plus one */
	uint64_t previous_bytes; /* its length up to the end of the last record */
	uint8_t reserved[52];    /* zeros */
	uint32_t crc;            /* CRC32C of all before it */
};

struct format_record {
	uint32_t header_crc;  /* CRC32C, from the seed, of the fields below */
	uint32_t payload_crc; /* CRC32C, from the seed, of the payload */
	uint32_t length;      /* payload bytes, without padding */
	uint8_t type;
	uint8_t flags;
	uint8_t reserved[2]; /* zeros */
	uint64_t number;     /* from 1 on: a record header is never all zeros */
};

/* When this record was written, all before it was durable: damage before it is damage, and not what a power loss has left
 * of a write that nobody had been told of. */
#define FORMAT_SETTLED 1u

static_assert(sizeof(struct format_header) == 128, "on disk");
static_assert(sizeof(struct format_record) == 24, "on disk");
static_assert(FORMAT_COPY_OFFSET >= sizeof(struct format_header), "copies must not overlap");
static_assert(FORMAT_DATA_OFFSET >= FORMAT_COPY_OFFSET + sizeof(struct format_header),
	      "records come behind both copies");

/* Bytes that a record with this payload takes. */
static inline uint64_t format_record_bytes(uint64_t payload)
{
	return (sizeof(struct format_record) + payload + FORMAT_ALIGN - 1) & ~(uint64_t)(FORMAT_ALIGN - 1);
}

#endif
