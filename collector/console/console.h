/* SPDX-License-Identifier: Apache-2.0 */
/* The console: the collector's HTTP/JSON interface, described in docs/console.md. It reads the fleet and changes
 * nothing. */
#ifndef CANOPY_COLLECTOR_CONSOLE_CONSOLE_H
#define CANOPY_COLLECTOR_CONSOLE_CONSOLE_H

#include <stddef.h>

#include "collector/console/fleet.h"
#include "collector/console/http/server.h"

#define CONSOLE_FOLLOWERS_MAX 64u /* of /api/v1/events: each decodes the journal for itself */

struct console_options {
	struct server_options server;  /* address and its kin; all else may be zero */
	bool metrics_without_hosts;    /* sums in place of a label for each host, for fleets that are too many for it */
	unsigned followers_max;        /* 0 = CONSOLE_FOLLOWERS_MAX */
};

struct console;

/* Listens on fleet->loop. fleet must outlive the console. Errors as server_create. */
int console_create(struct console **ret, const struct console_options *options, const struct fleet *fleet,
		   char **ret_why);
/* ADDRESS:PORT with the true port; out has len bytes. */
void console_address(const struct console *console, char *out, size_t len);
/* More has become durable in a journal: followers are told. On the console's loop. */
void console_wake(struct console *console);
/* Drops every connection; closed (may be NULL) is called on the loop when nothing reads the fleet any more. Takes NULL,
 * then closed is not called. */
void console_close(struct console *console, void (*closed)(void *owner), void *owner);

#endif
