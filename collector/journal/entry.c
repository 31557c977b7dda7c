/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict counts facts as they were decoded when the batch came. A later version may know more types of facts than
 * that one did, and then sees more facts than there are bits: those were not new to anyone, so their bits are zero. */
#include "collector/journal/entry.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "proto/seglog/crc32c.h"

struct entry_header entry_header_make(int64_t received_wall_ns, size_t body_length, size_t fact_count)
{
	return (struct entry_header){
	    .received_wall_ns = (int64_t)htole64((uint64_t)received_wall_ns),
	    .body_length = htole32((uint32_t)body_length),
	    .fact_count = htole32((uint32_t)fact_count),
	};
}

/* A copy in the arena with a bit for each of count decoded things; those without a stored one get the bits of rest. */
static int decode_bits(struct arena *arena, const uint8_t *bits, size_t stored, size_t count, uint8_t rest,
		       const uint8_t **ret)
{
	size_t need = entry_bits_bytes(count), size = need > stored ? need : stored;
	uint8_t *copy = arena_alloc(arena, size + 1);

	if (!copy)
		return -ENOMEM;
	memset(copy, rest, size);
	if (stored)
		memcpy(copy, bits, stored);
	*ret = copy;
	return 0;
}

/* stored: bytes behind the batch. */
static int decode_verdict(struct arena *arena, const uint8_t *bits, size_t stored, size_t fact_bits,
			  struct journal_entry *ret)
{
	size_t fact_bytes = entry_bits_bytes(fact_bits), gap_bytes = stored - fact_bytes;
	struct journal_verdict *verdict = &ret->verdict;
	int r;

	if (gap_bytes && gap_bytes != entry_bits_bytes(ret->batch.gap_count))
		return -EBADMSG;
	verdict->fact_count = ret->batch.fact_count;
	verdict->gap_count = ret->batch.gap_count;
	r = decode_bits(arena, bits, fact_bytes, verdict->fact_count, 0, &verdict->facts);
	if (r == 0)
		r = decode_bits(arena, bits + fact_bytes, gap_bytes, verdict->gap_count, UINT8_MAX, &verdict->gaps);
	return r;
}

static int bad(int r)
{
	return r == -ENOMEM || r == 0 ? r : -EBADMSG;
}

static int decode_batch(struct arena *arena, const uint8_t *body, size_t bits_bytes, const struct entry_header *header,
			struct journal_entry *ret)
{
	size_t length = le32toh(header->body_length);
	int r = batch_decode(arena, body, length, &ret->batch, NULL);

	if (r < 0)
		return bad(r);
	ret->checksum = crc32c(0, body, length);
	return decode_verdict(arena, body + length, bits_bytes, le32toh(header->fact_count), ret);
}

static int decode_host(struct arena *arena, const uint8_t *body, const struct entry_header *header,
		       struct journal_entry *ret)
{
	struct message message;
	int r = message_decode_sensor(arena, body, le32toh(header->body_length), &message, NULL);

	if (r < 0)
		return bad(r);
	if (r != 0 || message.type != MESSAGE_HELLO)
		return -EBADMSG;
	ret->hello = message.hello;
	return 0;
}

static int decode_end(const uint8_t *body, const struct entry_header *header, struct journal_entry *ret)
{
	struct entry_end end;

	if (le32toh(header->body_length) < sizeof(end)) /* a newer version may say more */
		return -EBADMSG;
	memcpy(&end, body, sizeof(end));
	ret->begin = le64toh(end.begin);
	ret->parts = le64toh(end.parts);
	return 0;
}

static int decode_body(struct arena *arena, const uint8_t *body, size_t behind, const struct entry_header *header,
		       struct journal_entry *ret)
{
	size_t length = le32toh(header->body_length);

	switch (ret->type) {
	case JOURNAL_BATCH:
		return decode_batch(arena, body, behind, header, ret);
	case JOURNAL_HOST:
	case JOURNAL_CHECKPOINT_HOST:
		return decode_host(arena, body, header, ret);
	case JOURNAL_CHECKPOINT_BEGIN:
		return 0;
	case JOURNAL_CHECKPOINT_STATE:
		return bad(boot_state_decode(arena, body, length, &ret->state));
	case JOURNAL_CHECKPOINT_PROCESSES:
		return bad(batch_decode(arena, body, length, &ret->batch, NULL));
	case JOURNAL_CHECKPOINT_END:
		return decode_end(body, header, ret);
	}
	return -EBADMSG;
}

int entry_decode(struct arena *arena, uint8_t type, struct bytes record, struct journal_entry *ret)
{
	struct entry_header header;
	struct journal_entry entry = {.type = (enum journal_type)type};
	const uint8_t *body = (const uint8_t *)record.data + sizeof(header);
	uint64_t length, behind;
	int r;

	if (record.len < sizeof(header))
		return -EBADMSG;
	memcpy(&header, record.data, sizeof(header));
	length = (uint64_t)le32toh(header.body_length) + ((uint64_t)le32toh(header.fact_count) + 7) / 8;
	if (length > record.len - sizeof(header) || (type != JOURNAL_BATCH && length != record.len - sizeof(header)))
		return -EBADMSG;
	behind = record.len - sizeof(header) - le32toh(header.body_length);
	entry.received_wall_ns = (int64_t)le64toh((uint64_t)header.received_wall_ns);
	r = decode_body(arena, body, (size_t)behind, &header, &entry);
	if (r == 0)
		*ret = entry;
	return r;
}

int entry_skim(uint8_t type, struct bytes record, struct journal_entry *ret)
{
	struct entry_header header;

	if (record.len < sizeof(header))
		return -EBADMSG;
	memcpy(&header, record.data, sizeof(header));
	*ret = (struct journal_entry){
	    .type = (enum journal_type)type,
	    .received_wall_ns = (int64_t)le64toh((uint64_t)header.received_wall_ns),
	};
	return 0;
}
