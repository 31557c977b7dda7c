/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that stay on the host because somebody asked for it. The rules are looked at in order, the first that matches decides, and what
 * none matches is kept. What is left out is counted by type and told as gaps.
 *
 *   drop       nothing is told of the process
 *   fork-only  its beginning and its end are told, what it executes is not
 *
 * Whatever a rule says, a process of which something was told gets its end told: nothing looks alive for ever. */
#ifndef CANOPY_SENSOR_BATCH_FILTER_H
#define CANOPY_SENSOR_BATCH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/fact.h"

#define FILTER_RULES_MAX 64u          /* one bit each in a word that is kept for every process */
#define FILTER_GAP_NS 10000000000ull  /* what is left out is told so often */

enum filter_action { FILTER_KEEP, FILTER_FORK_ONLY, FILTER_DROP };
enum filter_field { FILTER_EXE, FILTER_USER, FILTER_CGROUP };

struct filter_rule {
	enum filter_action action;
	enum filter_field field;
	struct bytes glob; /* '*' any bytes, also '/'; '?' one byte */
};

/* Reads ACTION:FIELD=GLOB; the glob is borrowed from text. -EINVAL: *ret_why is a sentence that says what would be right. */
int filter_rule_parse(const char *text, struct filter_rule *ret, const char **ret_why);

struct filter;

/* The rules are borrowed for the life of the filter. Errors: -ENOMEM, -E2BIG (more than FILTER_RULES_MAX). */
int filter_create(struct filter **ret, const struct filter_rule *rules, size_t count);
void filter_destroy(struct filter *filter); /* takes NULL */

/* Decides about a fact whose context names the user already. Returns 0: it is told (of a snapshot what is not to be told is taken out of it), or
 * FILTER_E_OUT: it stays here. Facts come in the order of the kernel. */
enum { FILTER_E_OUT = 1 };
int filter_apply(struct filter *filter, struct fact *fact);

/* A whole snapshot was taken: who is not in it is forgotten. */
void filter_snapshot(struct filter *filter, const struct snapshot_mark *mark);

/* The next gap that is due: one whose first fact is FILTER_GAP_NS old, or any when all is set. Call until it returns false. */
bool filter_take_gap(struct filter *filter, uint64_t now_ns, bool all, struct gap *ret);

uint64_t filter_count(const struct filter *filter, enum fact_type type); /* left out so far, wholly or in part */

#endif
