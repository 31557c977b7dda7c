/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of hosts in a line: headings of trees, and how many of the hosts are current. */
#ifndef CANOPY_CONSOLE_CLI_SUMMARY_H
#define CANOPY_CONSOLE_CLI_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>

#include "collector/console/cli/column.h"

/* The host with this boot id in a list of hosts, borrowed, or NULL. */
const json_t *summary_find_host(const json_t *hosts, struct bytes boot_id);

/* 'web-1  live, lag 12ms, 134 processes, 3 lost'. host may be NULL: then only the name is said. */
void summary_add_heading(const json_t *host, struct bytes name, const struct face *face, struct text *out);

/* '3 of 4 hosts are current; silent: web-2'. */
void summary_add_current(const json_t *hosts, const struct face *face, struct text *out);

/* Sums over all hosts, for a status bar. */
struct summary {
	size_t hosts, current, catching_up, silent; /* hosts: without those that are over */
	int64_t live, lost;
	double lag_seconds;   /* the largest of those that are heard; -1 = none known */
};
void summary_of(const json_t *hosts, struct summary *ret);

#endif
