/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a segment in, its header and records out. No I/O; the bytes may come from anyone. */
#ifndef CANOPY_PROTO_SEGLOG_PARSE_H
#define CANOPY_PROTO_SEGLOG_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/seglog/format.h"
#include "proto/seglog/seglog.h"

enum {
	PARSE_E_MORE = 1,    /* a whole record needs more bytes than are given: *ret_size of them */
	PARSE_E_DAMAGED = 2, /* no record begins here, or its payload is damaged */
};

/* What a segment's header says, in the order of this machine. */
struct parse_header {
	uint32_t version, kind;
	uint64_t id, first;
	uint64_t created_wall_ns;
	uint64_t previous_first, previous_end, previous_bytes;
	uint32_t seed; /* of the records' checksums */
};

/* data: the first FORMAT_DATA_OFFSET bytes, or fewer of a shorter file. Takes the first copy that is whole. A newer
 * version is read as far as magic, version and checksum go, so that it can be named. Errors: -EBADMSG (no whole
 * header). */
int parse_header(const uint8_t *data, size_t len, struct parse_header *ret);
/* Writes both copies; data has room for FORMAT_DATA_OFFSET bytes. header->seed is set from salt. */
void parse_header_write(uint8_t *data, struct parse_header *header, const uint8_t salt[8]);

/* The record at data. least is the number it must have at least; how many more it can be, is bounded by the bytes that
 * lie between. Returns 0 (*ret_size: bytes up to the next record), PARSE_E_MORE or PARSE_E_DAMAGED; then *ret_size is
 * what can be skipped without missing a record: the length that an intact record header gives, else FORMAT_ALIGN.
 * distance: bytes since the end of the record before. */
int parse_record(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data, size_t len,
		 struct seglog_record *ret, uint64_t *ret_size);

/* Number and length of the record at data by its header alone, for skipping; results as parse_record, len >=
 * sizeof(struct format_record). */
int parse_record_header(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data,
			struct seglog_record *ret, uint64_t *ret_size);

/* Looks for an intact record header at each FORMAT_ALIGN bytes of data, distance bytes behind the last good record.
 * Returns the offset of the first one, or that of the first place that is not looked at because a header would not fit.
 */
size_t parse_search(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data, size_t len);

/* Says of the record whose fields stand at data that all before it is durable. */
void parse_record_settled(uint8_t *data);
/* Fills in the checksums of a record whose other fields and payload stand at data; returns its whole length. */
uint64_t parse_record_seal(uint32_t seed, uint8_t *data);

#endif
