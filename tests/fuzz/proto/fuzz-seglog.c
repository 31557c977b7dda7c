/* SPDX-License-Identifier: Apache-2.0 */
/* A segment's bytes, as a stranger or a broken disk may leave them. The first byte of the input is a mode: bit 0 lets
 * the checksums of what looks like records be made right first, so that the fuzzer need not guess a CRC to get behind
 * it. */
#include <stdlib.h>
#include <string.h>

#include "proto/seglog/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_right(uint32_t seed, uint8_t *data, size_t len)
{
	for (size_t at = FORMAT_DATA_OFFSET; at + sizeof(struct format_record) <= len;) {
		struct format_record record;

		memcpy(&record, data + at, sizeof(record));
		if (format_record_bytes(le32toh(record.length)) > len - at)
			return;
		at += (size_t)parse_record_seal(seed, data + at);
	}
}

static void check_payload(const struct seglog_record *record, const uint8_t *data, size_t len)
{
	const uint8_t *payload = (const uint8_t *)record->payload.data;

	if (payload < data || record->payload.len > len || (size_t)(payload - data) > len - record->payload.len)
		abort();
	/* Reads every byte, for the sanitizer. */
	if (memchr(payload, '\n', record->payload.len) && record->payload.len == 0)
		abort();
}

/* As a reader goes over it: record by record, and by searching behind damage. */
static void go_over(uint32_t seed, uint64_t number, const uint8_t *data, size_t len)
{
	size_t end = 0, at = 0;

	while (at < len) {
		struct seglog_record record;
		uint64_t skip = 0;
		int r;

		if (at != end)
			skip = parse_search(seed, number, at - end, data + at, len - at);
		if (skip == 0) {
			r = parse_record(seed, number, at - end, data + at, len - at, &record, &skip);
			if (r == PARSE_E_MORE) {
				if (skip <= len - at)
					abort();
				skip = FORMAT_ALIGN;
			} else if (r == 0) {
				check_payload(&record, data, len);
				if (record.number < number || skip > len - at)
					abort();
				number = record.number + 1;
				end = at + (size_t)skip;
			}
			if (skip == 0)
				abort();
		}
		if (skip > len - at)
			return;
		at += (size_t)skip;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parse_header header = {.first = 1};
	uint8_t *copy;

	if (size < 1)
		return 0;
	copy = malloc(size > 1 ? size - 1 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 1, size - 1);
	(void)parse_header(copy, size - 1, &header);
	if (data[0] & 1)
		make_right(header.seed, copy, size - 1);
	if (size - 1 > FORMAT_DATA_OFFSET)
		go_over(header.seed, header.first, copy + FORMAT_DATA_OFFSET, size - 1 - FORMAT_DATA_OFFSET);
	free(copy);
	return 0;
}
