/* SPDX-License-Identifier: Apache-2.0 */
/* The best few processes by one field, out of any number: a bounded heap of keys. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_RANK_H
#define CANOPY_COLLECTOR_CONSOLE_API_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/identity.h"
#include "proto/model/field.h"

#define RANK_KEY_MAX 32u /* bytes of a text that take part in the order; equal ones go by host boot and start */

/* Where a process stands in the order. Keys compare as bytes; what is not known comes last in either direction. */
struct rank_entry {
	uint8_t known, len;
	uint8_t key[RANK_KEY_MAX];
	struct boot_id boot;
	struct process_key process;
};

struct rank {
	struct rank_entry *entries; /* owned; a heap with the last in the order on top, until rank_sort */
	size_t count, max;
	bool descending;
	bool left_out;              /* some had no room */
};

/* Errors: -ENOMEM. */
int rank_init(struct rank *rank, size_t max, bool descending);
void rank_finish(struct rank *rank);

void rank_entry_fill(struct rank_entry *ret, const struct field *field, struct field_value value,
		     const struct boot_id *boot, struct process_key process);
/* Below, at, above zero as a stands before, at or behind b. */
int rank_compare(const struct rank_entry *a, const struct rank_entry *b, bool descending);
void rank_add(struct rank *rank, const struct rank_entry *entry);
/* Puts the entries in order; nothing can be added any more. */
void rank_sort(struct rank *rank);

/* An entry as text that fits in a URL and back. */
#define RANK_TEXT_MAX (2u + 2u * RANK_KEY_MAX + 64u)
void rank_entry_format(const struct rank_entry *entry, char out[RANK_TEXT_MAX]);
int rank_entry_parse(struct bytes text, struct rank_entry *ret); /* -EINVAL */

#endif
