/* SPDX-License-Identifier: Apache-2.0 */
/* The filter language of the console: a condition over one process and its ancestors. No I/O.
 *
 *   filter     = [ or ]                                  the empty filter matches everything
 *   or         = and { ("or" | "||") and }
 *   and        = unary { ("and" | "&&") unary }
 *   unary      = ("not" | "!") unary | "(" or ")" | condition | word
 *   condition  = field operator value | field "in" "(" value { "," value } ")" | field "exists"
 *
 * Meanings are Falco's: a condition on something that is not known is false, also with '!='; 'regex' wants the whole
 * text; proc.exe is the first argument, proc.exepath the file. A bare word is a case-insensitive substring of
 * executable, name or arguments. A field of type bool may stand alone. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_FILTER_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/bytes.h"
#include "proto/model/process.h"

#define FILTER_TEXT_MAX 8192u              /* bytes of a filter: more does not fit into a request line */
#define FILTER_DEPTH_MAX 64u               /* nested parentheses and nots: bounds the recursion */
#define FILTER_MEMORY_MAX (1024u * 1024u)  /* tree, values and expressions of one filter */
#define FILTER_ANCESTORS_MAX                                                                                           \
	1024u /* how far proc.aname and its kin look up: bounds the price of a process at the end of a chain */

struct filter;

struct filter_error {
	uint32_t column;   /* in characters, from 1 */
	char message[160]; /* what is wrong, naming the value; UTF-8 without control characters */
	char hint[160];    /* what to do; empty when message says it all */
};

/* now_wall_ns: what '10m ago' counts from. *ret is owned by the caller. Errors: -EINVAL (*ret_error tells), -ENOMEM. */
int filter_parse(struct filter **ret, struct bytes text, int64_t now_wall_ns, struct filter_error *ret_error);
void filter_destroy(struct filter *filter); /* takes NULL */
bool filter_is_empty(const struct filter *filter);

/* A process with a way to its ancestors: n = 1 is the parent. ancestor returns false when there is none or it is not
 * known; what it fills lives until filter_match returns. May be NULL. */
struct filter_subject {
	const struct process_view *view;
	bool (*ancestor)(void *owner, uint32_t n, struct process_view *ret);
	void *owner;
};

/* scratch: strings that must be built lie there; the caller resets it whenever it likes. A filter is used by one thread
 * at a time. */
bool filter_match(struct filter *filter, const struct filter_subject *subject, struct arena *scratch);

/* What can be said of all processes of a host from what is known of the host alone (host.name, host.boot,
 * host.tag.KEY). */
enum filter_verdict {
	FILTER_NONE,  /* no process of it can match */
	FILTER_SOME,  /* it depends on the process */
	FILTER_EVERY, /* every process of it matches */
};
enum filter_verdict filter_judge_host(struct filter *filter, const struct process_view *host, struct arena *scratch);

#endif
