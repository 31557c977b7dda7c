/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/console/cli/pki/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/stream/certificate.h"

#define LINE_MAX_ 256u /* the longest line that is written has 170 bytes */
#define FIELDS 6u

const char *pki_kind_word(enum pki_kind kind)
{
	return kind == PKI_SENSOR ? "sensor" : "collector";
}

bool pki_machine_parse(const char *text, uint8_t ret[16])
{
	char uri[sizeof(CERTIFICATE_MACHINE_SCHEME) + 64];

	if (snprintf(uri, sizeof(uri), "%s%s", CERTIFICATE_MACHINE_SCHEME, text) >= (int)sizeof(uri))
		return false;
	return certificate_machine_parse(bytes_from_string(uri), ret);
}

void pki_machine_format(const uint8_t machine[16], char *text)
{
	char uri[CERTIFICATE_MACHINE_URI_MAX];

	certificate_machine_format(machine, uri);
	memcpy(text, uri + strlen(CERTIFICATE_MACHINE_SCHEME), 33);
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool pki_name_is_good(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > PKI_NAME_MAX || !is_alphanumeric(name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alphanumeric(name[i]) && !strchr(".-_", name[i]))
			return false;
	return strcasecmp(name, "ca") != 0 && strcasecmp(name, "crl") != 0 && strcasecmp(name, "index") != 0;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static bool parse_seconds(const char *text, int64_t *ret)
{
	uint64_t value = 0;

	if (!*text || strlen(text) > 18)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret = (int64_t)value;
	return true;
}

static bool is_serial(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < PKI_SERIAL_TEXT && len % 2 == 0 && strspn(text, "0123456789ABCDEF") == len;
}

static bool parse_fields(char *const fields[FIELDS], struct pki_entry *ret)
{
	struct pki_entry entry = {.kind = strcmp(fields[1], "collector") == 0 ? PKI_COLLECTOR : PKI_SENSOR};

	if (!is_serial(fields[0]) || strcmp(fields[1], pki_kind_word(entry.kind)) != 0 || !pki_name_is_good(fields[2]) ||
	    !parse_seconds(fields[3], &entry.ends) || !parse_seconds(fields[4], &entry.revoked))
		return false;
	entry.machine_known = strcmp(fields[5], "-") != 0;
	if (entry.machine_known && !pki_machine_parse(fields[5], entry.machine))
		return false;
	(void)strcpy(entry.serial, fields[0]);
	(void)strcpy(entry.name, fields[2]);
	*ret = entry;
	return true;
}

static int parse_line(const char *data, size_t len, struct pki_index *index)
{
	char line[LINE_MAX_], *fields[FIELDS], *at = line, *rest = NULL;
	struct pki_entry entry;
	unsigned count = 0;

	if (len >= sizeof(line) || memchr(data, '\0', len))
		return -EINVAL;
	memcpy(line, data, len);
	line[len] = '\0';
	while (count < FIELDS && (fields[count] = strtok_r(at, " ", &rest))) {
		count++;
		at = NULL;
	}
	if (count != FIELDS || strtok_r(NULL, " ", &rest) || !parse_fields(fields, &entry))
		return -EINVAL;
	return pki_index_add(index, &entry);
}

int pki_index_parse(const char *data, size_t len, struct pki_index *ret, unsigned *ret_line)
{
	const char *end = data + len;
	int r = 0;

	*ret = PKI_INDEX_NULL;
	*ret_line = 0;
	while (r == 0 && data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));

		(*ret_line)++;
		if (!newline)
			return -EINVAL; /* it was cut off */
		r = parse_line(data, (size_t)(newline - data), ret);
		data = newline + 1;
	}
	return r;
}

void pki_index_write(const struct pki_index *index, struct text *out)
{
	char machine[33];

	for (size_t i = 0; i < index->count; i++) {
		const struct pki_entry *entry = &index->entries[i];

		pki_machine_format(entry->machine, machine);
		text_printf(out, "%s %s %s %" PRId64 " %" PRId64 " %s\n", entry->serial, pki_kind_word(entry->kind), entry->name,
			    entry->ends, entry->revoked, entry->machine_known ? machine : "-");
	}
}

/* ---- entries ------------------------------------------------------------------------------------------------- */

void pki_index_finish(struct pki_index *index)
{
	free(index->entries);
	*index = PKI_INDEX_NULL;
}

int pki_index_add(struct pki_index *index, const struct pki_entry *entry)
{
	if (index->count == PKI_INDEX_MAX)
		return -ENOMEM;
	if (index->count == index->capacity) {
		size_t capacity = index->capacity ? 2 * index->capacity : 16;
		struct pki_entry *entries = realloc(index->entries, capacity * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		index->entries = entries;
		index->capacity = capacity;
	}
	index->entries[index->count++] = *entry;
	return 0;
}

struct pki_entry *pki_index_find(const struct pki_index *index, const char *name)
{
	for (size_t i = index->count; i > 0; i--)
		if (strcasecmp(index->entries[i - 1].name, name) == 0 && !index->entries[i - 1].revoked)
			return &index->entries[i - 1];
	return NULL;
}
