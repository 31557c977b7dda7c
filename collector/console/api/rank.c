/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are encoded so that memcmp orders them: numbers big-endian with the sign turned round, truth as one byte, text
 * as it is. */
#include "collector/console/api/rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/model/process.h"

int rank_init(struct rank *rank, size_t max, bool descending)
{
	*rank = (struct rank){.max = max, .descending = descending};
	rank->entries = calloc(max, sizeof(*rank->entries));
	return rank->entries ? 0 : -ENOMEM;
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

static bool is_behind(const struct rank *rank, size_t a, size_t b)
{
	return rank_compare(&rank->entries[a], &rank->entries[b], rank->descending) > 0;
}

static void sift_down(struct rank *rank, size_t at, size_t count)
{
	for (;;) {
		size_t top = at, left = 2 * at + 1, right = left + 1;

		if (left < count && is_behind(rank, left, top))
			top = left;
		if (right < count && is_behind(rank, right, top))
			top = right;
		if (top == at)
			return;
		swap(&rank->entries[at], &rank->entries[top]);
		at = top;
	}
}

void rank_add(struct rank *rank, const struct rank_entry *entry)
{
	size_t at = rank->count;

	if (rank->count == rank->max) {
		rank->left_out = true;
		if (rank_compare(entry, &rank->entries[0], rank->descending) >= 0)
			return;
		rank->entries[0] = *entry;
		sift_down(rank, 0, rank->count);
		return;
	}
	rank->entries[rank->count++] = *entry;
	while (at > 0 && is_behind(rank, at, (at - 1) / 2)) {
		swap(&rank->entries[at], &rank->entries[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

void rank_sort(struct rank *rank)
{
	for (size_t end = rank->count; end > 1; end--) {
		swap(&rank->entries[0], &rank->entries[end - 1]);
		sift_down(rank, 0, end - 1);
	}
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
