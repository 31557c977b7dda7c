/* SPDX-License-Identifier: Apache-2.0 */
/* The index of an authority, as its administrator or an accident left it. What is taken comes back the same when it is written, and what is
 * found by name is never one that was taken back. */
#include <errno.h>
#include <strings.h>

#include "collector/console/cli/pki/index.h"
#include "tests/fuzz/input.h"

static void check_entry(const struct pki_index *index, const struct pki_entry *entry)
{
	const struct pki_entry *found = pki_index_find(index, entry->name);

	must(pki_name_is_good(entry->name) && strlen(entry->name) <= PKI_NAME_MAX && !strchr(entry->name, '/'));
	must(entry->ends >= 0 && entry->revoked >= 0);
	must(found ? !found->revoked && found >= index->entries && strcasecmp(found->name, entry->name) == 0 : entry->revoked != 0);
}

static void check(const struct pki_index *index)
{
	struct text text = TEXT_NULL, second = TEXT_NULL;
	struct pki_index again = PKI_INDEX_NULL;
	unsigned line;

	for (size_t i = 0; i < index->count; i++)
		check_entry(index, &index->entries[i]);
	pki_index_write(index, &text);
	must(!text.failed && pki_index_parse(text_string(&text), text.len, &again, &line) == 0);
	must(again.count == index->count && line == index->count);
	pki_index_write(&again, &second);
	must(bytes_equal(text_bytes(&text), text_bytes(&second)));
	pki_index_finish(&again);
	text_finish(&text);
	text_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_index index;
	unsigned line;
	int r = pki_index_parse((const char *)data, size, &index, &line);

	if (r == 0)
		check(&index);
	else
		must(r == -EINVAL && line >= 1 && index.count < line);
	pki_index_finish(&index);
	return 0;
}
