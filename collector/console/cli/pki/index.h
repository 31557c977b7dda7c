/* SPDX-License-Identifier: Apache-2.0 */
/* What an authority has signed and taken back: a line a certificate, in the order they were made. No I/O.
 *
 *   SERIAL KIND NAME ENDS REVOKED MACHINE
 *
 * SERIAL in hexadecimal digits, KIND sensor or collector, ENDS and REVOKED in seconds since the epoch (0 = it is not),
 * MACHINE in hexadecimal digits or '-'. */
#ifndef CANOPY_CONSOLE_CLI_PKI_INDEX_H
#define CANOPY_CONSOLE_CLI_PKI_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/console/cli/text.h"

#define PKI_NAME_MAX 64u    /* bytes: what a common name holds (RFC 5280), and what Linux calls a host */
#define PKI_SERIAL_TEXT 33u /* 16 octets in hexadecimal digits, NUL */
#define PKI_INDEX_MAX 1000000u

enum pki_kind {
	PKI_SENSOR,
	PKI_COLLECTOR,
};

struct pki_entry {
	char serial[PKI_SERIAL_TEXT];
	enum pki_kind kind;
	char name[PKI_NAME_MAX + 1];
	int64_t ends, revoked; /* seconds since the epoch; revoked 0 = it is not */
	bool machine_known;
	uint8_t machine[16];
};

struct pki_index {
	struct pki_entry *entries; /* owned */
	size_t count, capacity;
};

#define PKI_INDEX_NULL ((struct pki_index){0})

/* Errors: -EINVAL (*ret_line from 1), -ENOMEM; *ret then holds what came before and is to be finished. */
int pki_index_parse(const char *data, size_t len, struct pki_index *ret, unsigned *ret_line);
void pki_index_finish(struct pki_index *index);
int pki_index_add(struct pki_index *index, const struct pki_entry *entry);
void pki_index_write(const struct pki_index *index, struct text *out);

/* The newest of this name that is not revoked; NULL = none. */
struct pki_entry *pki_index_find(const struct pki_index *index, const char *name);

/* Letters, digits, '.', '-' and '_', beginning with a letter or digit, and no name of ours ("ca", "crl", "index"). */
bool pki_name_is_good(const char *name);
const char *pki_kind_word(enum pki_kind kind);
/* 32 hexadecimal digits, dashes allowed. */
bool pki_machine_parse(const char *text, uint8_t ret[16]);
/* text has 33 bytes. */
void pki_machine_format(const uint8_t machine[16], char *text);

#endif
