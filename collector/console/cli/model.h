/* SPDX-License-Identifier: Apache-2.0 */
/* The forest as the live view knows it: filled by polls, moved on by events in between.
 *
 * A poll lists what is there, an event tells what became of one process; both may overtake each other, so an end is
 * final, and a process that an event brought after a poll was asked is not missed in its answer. Those that end stay a
 * while. */
#ifndef CANOPY_CONSOLE_CLI_MODEL_H
#define CANOPY_CONSOLE_CLI_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/console/cli/column.h"
#include "collector/console/cli/text.h"

/* How long an ended process stays in sight. */
#define MODEL_LINGER_MS 5000
/* Of the children of one process so many linger, the youngest: a loop that starts a thousand a second would otherwise push everything
 * else off the screen. */
#define MODEL_LINGER_SIBLINGS 5
/* Processes kept: what a person can scroll through ends long before. */
#define MODEL_NODES_MAX 200000u

struct model_node {
	char *id, *parent_id, *boot_id, *host; /* owned, raw: to compare, not to show; parent_id may be NULL */
	struct text user, state, command;      /* ready to be shown */
	enum color state_color;
	int64_t pid, current_ppid;
	int64_t start;           /* wall clock ns; 0 = unknown */
	int64_t span;            /* of an ended one; -1 = unknown */
	bool exited;
	bool faint;              /* only leads to what the filter asks for */
	uint64_t poll;           /* the last poll that listed it */
	int64_t touched_ms;      /* the last event about it */
	int64_t linger_ms;       /* stays until then although no poll lists it */
	/* of the last layout: */
	struct model_node *parent, *first_child, *last_child, *next_sibling;
	uint32_t children, lingering; /* lingering: ended children without children of their own */
	bool hidden;
};

struct model_row {
	const struct model_node *node; /* borrowed; NULL: a heading */
	const struct model_node *of;   /* of a heading: a process of the host */
	uint32_t depth;
	bool last;
};

struct model {
	struct face face;
	struct model_node **nodes;     /* owned, ordered by id up to ordered, behind it those that a poll brings */
	size_t count, ordered, capacity;
	bool polling;                  /* between model_poll_begin and model_poll_end */
	struct model_row *rows;        /* owned; of the last layout, in the order of the picture */
	size_t row_count, row_capacity;
	uint64_t poll;                 /* number of the poll at hand */
	int64_t poll_asked_ms;
	bool changed;                  /* since the last layout */
	bool full;                     /* MODEL_NODES_MAX was reached */
};

void model_init(struct model *model, const struct face *face);
void model_finish(struct model *model);
/* Forgets everything. */
void model_clear(struct model *model);

/* A poll whose answer has come: its nodes one by one, then the end, which drops what it did not list. asked_ms: when it
 * was sent. Returns 0 or -ENOMEM. */
void model_poll_begin(struct model *model, int64_t asked_ms);
int model_poll_add(struct model *model, const json_t *process);
void model_poll_end(struct model *model, int64_t now_ms);

/* A process object of an event. Returns 0 or -ENOMEM. */
int model_apply(struct model *model, const json_t *process, int64_t now_ms);

/* Drops what has lingered long enough. */
void model_expire(struct model *model, int64_t now_ms);

/* Brings rows up to date: hosts by name, processes under their parents, by start. Returns 0 or -ENOMEM. */
int model_layout(struct model *model);

#endif
