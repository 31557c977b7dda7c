/* SPDX-License-Identifier: Apache-2.0 */
/* The first processes by one field, out of any number: a bounded heap of keys. Entries are added, then put in order, then taken one by one. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_RANK_H
#define CANOPY_COLLECTOR_CONSOLE_API_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/identity.h"
#include "proto/model/field.h"

#define RANK_ENTRIES_MAX 65536u /* 5 MiB of what one question may sort at a time; ordering them takes some milliseconds */
#define RANK_KEY_MAX 32u /* bytes of a text that take part in the order; equal ones go by host boot and start */

/* Where a process stands in the order. Keys compare as bytes; what is not known comes last in either direction. */
struct rank_entry {
	uint8_t known, len;
	uint8_t key[RANK_KEY_MAX];
	struct boot_id boot;
	struct process_key process;
};

struct rank {
	struct rank_entry *entries; /* owned; once full a heap with the last on top; once in order one with the first on top */
	size_t count, room, max;
	size_t ordered;             /* steps of rank_order that were done */
	bool descending;
	bool left_out;              /* some had no room */
};

#define RANK_NULL ((struct rank){0})

/* Keeps the first max of those that are added. */
void rank_init(struct rank *rank, size_t max, bool descending);
/* Takes RANK_NULL. */
void rank_finish(struct rank *rank);

void rank_entry_fill(struct rank_entry *ret, const struct field *field, struct field_value value,
		     const struct boot_id *boot, struct process_key process);
/* Below, at, above zero as a stands before, at or behind b. */
int rank_compare(const struct rank_entry *a, const struct rank_entry *b, bool descending);
/* Errors: -ENOMEM; the entry is then not in it. */
int rank_add(struct rank *rank, const struct rank_entry *entry);
/* Puts the entries in order, in at most so many steps. False: there is more to do. Nothing can be added from now on. */
bool rank_order(struct rank *rank, size_t steps);
/* Takes the first one out. False when there is none. */
bool rank_next(struct rank *rank, struct rank_entry *ret);

/* An entry as text that fits in a URL and back. */
#define RANK_TEXT_MAX (2u + 2u * RANK_KEY_MAX + 64u)
void rank_entry_format(const struct rank_entry *entry, char out[RANK_TEXT_MAX]);
int rank_entry_parse(struct bytes text, struct rank_entry *ret); /* -EINVAL */

#endif
