/* SPDX-License-Identifier: Apache-2.0 */
/* The live view's picture: what is looked at, and how a frame of it reads. No input and no output. */
#ifndef CANOPY_CONSOLE_CLI_LIVE_H
#define CANOPY_CONSOLE_CLI_LIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/console/cli/key.h"
#include "collector/console/cli/model.h"
#include "collector/console/cli/summary.h"
#include "collector/console/cli/terminal.h"

/* News kept for the pane at the bottom. */
#define LIVE_NEWS_MAX 8
/* Seconds over which the rate of events is taken. */
#define LIVE_RATE_SECONDS 4

struct live {
	struct terminal terminal;
	struct face face;
	struct model model;
	json_t *hosts;                   /* owned: the list of the last poll; may be NULL */
	struct summary summary;
	bool paused, exited;
	size_t top;                      /* row at the upper edge */
	char *anchor;                    /* owned: id of the process there, so that it stays there */
	struct text news[LIVE_NEWS_MAX]; /* a ring of lines, escaped */
	enum color news_color[LIVE_NEWS_MAX];
	size_t news_count;               /* ever */
	uint64_t events;                 /* ever */
	uint64_t rate[LIVE_RATE_SECONDS + 1]; /* events by second */
	int64_t rate_second;             /* of the newest */
	struct text trouble;             /* why there is no connection; empty = all is well */
	struct text filter;              /* shown in the status bar; escaped */
};

void live_init(struct live *live, const struct terminal *terminal);
void live_finish(struct live *live);

/* Takes the list of hosts over. */
void live_set_hosts(struct live *live, json_t *hosts);

/* An event of the stream: counted, noted as news, and applied to the model when it is about a process. Returns 0 or
 * -ENOMEM. */
int live_add_event(struct live *live, const char *type, const json_t *object, int64_t now_ms);

/* Events a second, as of now. */
double live_rate(const struct live *live, int64_t now_ms);

/* Scrolling. KEY_EXITED, KEY_PAUSE and others are the caller's. Needs a layout that is up to date. */
void live_scroll(struct live *live, enum key key);

/* Lays out what changed and draws a frame of exactly terminal.rows lines. now: wall clock. Returns 0 or -ENOMEM. */
int live_draw(struct live *live, int64_t now, int64_t now_ms, struct text *out);

#endif
