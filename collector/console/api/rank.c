/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are encoded so that memcmp orders them: numbers big-endian with the sign turned round, truth as one byte, text
 * as it is. */
#include "collector/console/api/rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/model/process.h"

void rank_init(struct rank *rank, size_t max, bool descending)
{
	*rank = (struct rank){.max = max, .descending = descending};
}

void rank_finish(struct rank *rank)
{
	free(rank->entries);
	*rank = (struct rank){0};
}

void rank_entry_fill(struct rank_entry *ret, const struct field *field, struct field_value value,
		     const struct boot_id *boot, struct process_key process)
{
	struct rank_entry entry = {.known = value.known, .boot = *boot, .process = process};

	if (value.known && field->type == FIELD_STRING) {
		entry.len = (uint8_t)(value.string.len < RANK_KEY_MAX ? value.string.len : RANK_KEY_MAX);
		if (entry.len)
			memcpy(entry.key, value.string.data, entry.len);
	} else if (value.known && field->type == FIELD_BOOL) {
		entry.len = 1;
		entry.key[0] = value.truth;
	} else if (value.known) {
		uint64_t number = (uint64_t)value.number ^ 1ull << 63;

		entry.len = 8;
		for (unsigned i = 0; i < 8; i++)
			entry.key[i] = (uint8_t)(number >> (56 - 8 * i));
	}
	*ret = entry;
}

static int compare_keys(const struct rank_entry *a, const struct rank_entry *b)
{
	return bytes_compare(bytes_make(a->key, a->len), bytes_make(b->key, b->len));
}

int rank_compare(const struct rank_entry *a, const struct rank_entry *b, bool descending)
{
	int order;

	if (a->known != b->known)
		return a->known ? -1 : 1;
	order = compare_keys(a, b);
	if (order)
		return descending ? -order : order;
	order = memcmp(a->boot.octets, b->boot.octets, sizeof(a->boot.octets));
	if (order)
		return order;
	if (a->process.start_ns != b->process.start_ns)
		return a->process.start_ns < b->process.start_ns ? -1 : 1;
	return (a->process.tgid > b->process.tgid) - (a->process.tgid < b->process.tgid);
}

/* ---- heap ---------------------------------------------------------------------------------------------------- */

static void swap(struct rank_entry *a, struct rank_entry *b)
{
	struct rank_entry held = *a;

	*a = *b;
	*b = held;
}

enum top { LAST_ON_TOP = 1, FIRST_ON_TOP = -1 };

static bool is_above(const struct rank *rank, size_t a, size_t b, enum top top)
{
	return top * rank_compare(&rank->entries[a], &rank->entries[b], rank->descending) > 0;
}

static void sift_down(struct rank *rank, size_t at, enum top top)
{
	for (;;) {
		size_t best = at, left = 2 * at + 1, right = left + 1;

		if (left < rank->count && is_above(rank, left, best, top))
			best = left;
		if (right < rank->count && is_above(rank, right, best, top))
			best = right;
		if (best == at)
			return;
		swap(&rank->entries[at], &rank->entries[best]);
		at = best;
	}
}

static int grow(struct rank *rank)
{
	size_t room = rank->room ? 2 * rank->room : 256;
	struct rank_entry *entries;

	if (room > rank->max)
		room = rank->max;
	entries = realloc(rank->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	rank->entries = entries;
	rank->room = room;
	return 0;
}

/* As long as there is room nothing is compared. */
int rank_add(struct rank *rank, const struct rank_entry *entry)
{
	if (rank->count < rank->max) {
		int r = rank->count == rank->room ? grow(rank) : 0;

		if (r == 0)
			rank->entries[rank->count++] = *entry;
		return r;
	}
	for (size_t at = rank->left_out ? 0 : rank->count / 2; at > 0; at--)
		sift_down(rank, at - 1, LAST_ON_TOP);
	rank->left_out = true;
	if (rank_compare(entry, &rank->entries[0], rank->descending) < 0) {
		rank->entries[0] = *entry;
		sift_down(rank, 0, LAST_ON_TOP);
	}
	return 0;
}

bool rank_order(struct rank *rank, size_t steps)
{
	size_t all = rank->count / 2;

	while (rank->ordered < all && steps > 0) {
		sift_down(rank, all - 1 - rank->ordered, FIRST_ON_TOP);
		rank->ordered++;
		steps--;
	}
	return rank->ordered == all;
}

bool rank_next(struct rank *rank, struct rank_entry *ret)
{
	if (rank->count == 0)
		return false;
	*ret = rank->entries[0];
	rank->entries[0] = rank->entries[--rank->count];
	sift_down(rank, 0, FIRST_ON_TOP);
	return true;
}

/* ---- text ---------------------------------------------------------------------------------------------------- */

/* KEY.ID with the key in hex; an unknown one is '-'. */
void rank_entry_format(const struct rank_entry *entry, char out[RANK_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;

	if (!entry->known)
		*p++ = '-';
	for (unsigned i = 0; entry->known && i < entry->len; i++) {
		*p++ = digits[entry->key[i] >> 4];
		*p++ = digits[entry->key[i] & 15];
	}
	*p++ = '.';
	process_id_format(&entry->boot, entry->process, p);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int rank_entry_parse(struct bytes text, struct rank_entry *ret)
{
	const char *dot = text.len ? memchr(text.data, '.', text.len) : NULL;
	size_t len = dot ? (size_t)(dot - text.data) : 0;
	struct rank_entry entry = {.known = !(len == 1 && text.data[0] == '-')};
	struct process_ref ref;

	if (!dot || (entry.known && (len % 2 || len > 2 * RANK_KEY_MAX)))
		return -EINVAL;
	for (size_t i = 0; entry.known && i < len; i += 2) {
		int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		entry.key[entry.len++] = (uint8_t)(high << 4 | low);
	}
	if (process_ref_parse(bytes_make(dot + 1, text.len - len - 1), &ref) < 0 ||
	    ref.boot_nibbles != 2 * BOOT_ID_BYTES)
		return -EINVAL;
	memcpy(entry.boot.octets, ref.boot_prefix, sizeof(entry.boot.octets));
	entry.process = ref.key;
	*ret = entry;
	return 0;
}
