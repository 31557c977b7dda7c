/* SPDX-License-Identifier: Apache-2.0 */
/* One page of a list as the server sent it, cut into the text of its members without rewriting a byte: NDJSON is passed
 * through exactly, and only one member at a time becomes a tree of JSON values. */
#ifndef CANOPY_CONSOLE_CLI_PAGE_H
#define CANOPY_CONSOLE_CLI_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "canopy/bytes.h"
#include "collector/console/cli/text.h"

struct page {
	struct bytes list;   /* from behind the opening bracket of the list; borrowed from the document */
	size_t at;
	json_t *rest;        /* owned: the document's other members ('next', 'incomplete', …), the list left out */
};

#define PAGE_NULL ((struct page){0})

/* Finds the array called name at the top of the document. Returns 0, -EBADMSG when this is no such document, or
 * -ENOMEM. */
int page_open(struct page *ret, struct bytes document, const char *name);
void page_finish(struct page *page);

/* The next member of the list. Returns false at its end. */
bool page_next(struct page *page, struct bytes *ret);

#endif
