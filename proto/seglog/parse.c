/* SPDX-License-Identifier: Apache-2.0 */
/* Two checksums a record, for its header and for its payload, because they fail differently: behind a damaged payload
 * the next record stands where the intact header says, behind a damaged header it has to be searched for at each
 * FORMAT_ALIGN bytes. The search asks the cheap questions first (zeros that must be, number in range), so that it runs
 * over foreign bytes at memory speed. */
#include "proto/seglog/parse.h"

#include <errno.h>
#include <string.h>

#include "proto/seglog/crc32c.h"

static uint32_t header_sum(const struct format_header *header)
{
	return crc32c(0, header, offsetof(struct format_header, crc));
}

static int header_copy(const uint8_t *data, struct parse_header *ret)
{
	struct format_header h;

	memcpy(&h, data, sizeof(h));
	if (memcmp(h.magic, FORMAT_MAGIC, sizeof(h.magic)) != 0 || le32toh(h.crc) != header_sum(&h))
		return -EBADMSG;
	*ret = (struct parse_header){
	    .version = le32toh(h.version),
	    .kind = le32toh(h.kind),
	    .id = le64toh(h.id),
	    .first = le64toh(h.first),
	    .created_wall_ns = le64toh(h.created_wall_ns),
	    .previous_first = le64toh(h.previous_first),
	    .previous_end = le64toh(h.previous_end),
	    .previous_bytes = le64toh(h.previous_bytes),
	    .seed = crc32c(0, h.salt, sizeof(h.salt)),
	};
	return 0;
}

int parse_header(const uint8_t *data, size_t len, struct parse_header *ret)
{
	if (len >= sizeof(struct format_header) && header_copy(data, ret) == 0)
		return 0;
	if (len >= FORMAT_COPY_OFFSET + sizeof(struct format_header))
		return header_copy(data + FORMAT_COPY_OFFSET, ret);
	return -EBADMSG;
}

void parse_header_write(uint8_t *data, struct parse_header *header, const uint8_t salt[8])
{
	struct format_header h = {
	    .version = htole32(header->version),
	    .kind = htole32(header->kind),
	    .id = htole64(header->id),
	    .first = htole64(header->first),
	    .created_wall_ns = htole64(header->created_wall_ns),
	    .previous_first = htole64(header->previous_first),
	    .previous_end = htole64(header->previous_end),
	    .previous_bytes = htole64(header->previous_bytes),
	};

	memcpy(h.magic, FORMAT_MAGIC, sizeof(h.magic));
	memcpy(h.salt, salt, sizeof(h.salt));
	h.crc = htole32(header_sum(&h));
	header->seed = crc32c(0, h.salt, sizeof(h.salt));
	memset(data, 0, FORMAT_DATA_OFFSET);
	memcpy(data, &h, sizeof(h));
	memcpy(data + FORMAT_COPY_OFFSET, &h, sizeof(h));
}

static uint32_t record_sum(uint32_t seed, const struct format_record *record)
{
	return crc32c(seed, &record->payload_crc, sizeof(*record) - offsetof(struct format_record, payload_crc));
}

/* Reads the header at data if it is intact and can stand here. */
static int record_header(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data,
			 struct format_record *ret)
{
	uint64_t number;

	memcpy(ret, data, sizeof(*ret));
	number = le64toh(ret->number);
	if (ret->flags & ~FORMAT_SETTLED || ret->reserved[0] || ret->reserved[1] || number < least)
		return PARSE_E_DAMAGED;
	if (number - least > distance / sizeof(*ret) || le32toh(ret->length) > SEGLOG_RECORD_MAX)
		return PARSE_E_DAMAGED;
	return le32toh(ret->header_crc) == record_sum(seed, ret) ? 0 : PARSE_E_DAMAGED;
}

int parse_record_header(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data,
			struct seglog_record *ret, uint64_t *ret_size)
{
	struct format_record header;

	if (record_header(seed, least, distance, data, &header) != 0) {
		*ret_size = FORMAT_ALIGN;
		return PARSE_E_DAMAGED;
	}
	*ret = (struct seglog_record){
	    .number = le64toh(header.number),
	    .type = header.type,
	    .settled = header.flags & FORMAT_SETTLED,
	    .payload = {NULL, le32toh(header.length)},
	};
	*ret_size = format_record_bytes(le32toh(header.length));
	return 0;
}

int parse_record(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data, size_t len,
		 struct seglog_record *ret, uint64_t *ret_size)
{
	struct format_record header;
	uint32_t length;

	if (len < sizeof(header)) {
		*ret_size = sizeof(header);
		return PARSE_E_MORE;
	}
	if (record_header(seed, least, distance, data, &header) != 0) {
		*ret_size = FORMAT_ALIGN;
		return PARSE_E_DAMAGED;
	}
	length = le32toh(header.length);
	*ret_size = format_record_bytes(length);
	if (len < *ret_size)
		return PARSE_E_MORE;
	if (crc32c(seed, data + sizeof(header), length) != le32toh(header.payload_crc))
		return PARSE_E_DAMAGED;
	*ret = (struct seglog_record){
	    .number = le64toh(header.number),
	    .type = header.type,
	    .settled = header.flags & FORMAT_SETTLED,
	    .payload = bytes_make(data + sizeof(header), length),
	};
	return 0;
}

size_t parse_search(uint32_t seed, uint64_t least, uint64_t distance, const uint8_t *data, size_t len)
{
	struct format_record header;
	size_t at = 0;

	for (; at + sizeof(header) <= len; at += FORMAT_ALIGN)
		if (record_header(seed, least, distance + at, data + at, &header) == 0)
			return at;
	return at;
}

void parse_record_settled(uint8_t *data)
{
	data[offsetof(struct format_record, flags)] |= FORMAT_SETTLED;
}

uint64_t parse_record_seal(uint32_t seed, uint8_t *data)
{
	struct format_record header;
	uint32_t length;

	memcpy(&header, data, sizeof(header));
	length = le32toh(header.length);
	header.payload_crc = htole32(crc32c(seed, data + sizeof(header), length));
	header.header_crc = htole32(record_sum(seed, &header));
	memcpy(data, &header, sizeof(header));
	return format_record_bytes(length);
}
