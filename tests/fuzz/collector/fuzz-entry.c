/* SPDX-License-Identifier: Apache-2.0 */
/* A record of the journal behind its checksum: of a newer version, or of somebody who can write there. The first byte is the type; its
 * high bit lets the length in the header be made right. What is taken can be asked about every fact and gap it claims to hold. */
#include <endian.h>
#include <errno.h>

#include "collector/journal/entry.h"
#include "tests/fuzz/input.h"

#define ARENA_MAX (16u * 1024u * 1024u)
#define DIRTY (64u * 1024u)

static volatile unsigned sink;

static void check_verdict(struct bytes record, const struct journal_entry *entry)
{
	struct entry_header header;
	unsigned fresh = 0;

	memcpy(&header, record.data, sizeof(header));
	must(entry->verdict.fact_count == entry->batch.fact_count && entry->verdict.gap_count == entry->batch.gap_count);
	for (size_t i = 0; i < entry->batch.fact_count; i++)
		if (journal_is_new(entry, i)) /* only what the verdict has a bit for */
			must(i < entry_bits_bytes(le32toh(header.fact_count)) * 8), fresh++;
	for (size_t i = 0; i < entry->batch.gap_count; i++)
		fresh += journal_is_new_gap(entry, i);
	sink += fresh;
}

static void check(uint8_t type, struct bytes record, const struct journal_entry *entry)
{
	struct journal_entry skimmed;

	must(entry->type == type && type >= JOURNAL_BATCH && type <= JOURNAL_CHECKPOINT_END);
	must(entry_skim(type, record, &skimmed) == 0 && skimmed.type == entry->type);
	must(skimmed.received_wall_ns == entry->received_wall_ns);
	if (entry->type == JOURNAL_BATCH)
		check_verdict(record, entry);
}

/* An arena whose memory was used before, so that what is not written shows. */
static void make_dirty(struct arena *arena)
{
	void *memory = arena_alloc(arena, DIRTY);

	must(memory != NULL);
	memset(memory, 0xff, DIRTY);
	arena_reset(arena);
}

static void make_right(char *record, size_t len)
{
	struct entry_header header;
	uint32_t bits;

	if (len < sizeof(header))
		return;
	memcpy(&header, record, sizeof(header));
	bits = (le32toh(header.fact_count) % 64 + 7) / 8;
	header.fact_count = htole32(le32toh(header.fact_count) % 64);
	len -= sizeof(header);
	header.body_length = htole32((uint32_t)(len > bits ? len - bits : 0));
	memcpy(record, &header, sizeof(header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {.limit = ARENA_MAX};
	struct journal_entry entry;
	struct bytes record;
	char *copy;
	int r;

	if (size < 1)
		return 0;
	copy = malloc(size);
	must(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 0x80)
		make_right(copy, size - 1);
	record = bytes_make(copy, size - 1);
	make_dirty(&arena);
	r = entry_decode(&arena, data[0] & 0x7f, record, &entry);
	must(r == 0 || r == -EBADMSG || r == -ENOMEM);
	if (r == 0)
		check(data[0] & 0x7f, record, &entry);
	arena_finish(&arena);
	free(copy);
	return 0;
}
