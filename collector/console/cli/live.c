/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: the status bar, headings, the forest, and on screens that are high enough the last events, so
 * that whatever happens is seen wherever one has scrolled to. Columns have fixed widths: nothing jumps when a longer
 * name comes by. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/escape.h"
#include "collector/console/cli/gap.h"
#include "collector/console/cli/glyph.h"
#include "collector/console/cli/live.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"
#include "collector/console/cli/tree.h"

#define PID_WIDTH 7
#define USER_WIDTH 8
#define AGE_WIDTH 6
#define STATE_WIDTH 9
#define HOST_WIDTH 12
/* Lines above the forest: status and headings. */
#define HEAD_ROWS 2
/* From this height on there is room for news. */
#define NEWS_ROWS_MIN 16

static const char keys_text[] = "q quit  j/k scroll  g/G ends  x ended  space pause";

void live_init(struct live *live, const struct terminal *terminal)
{
	*live = (struct live){.terminal = *terminal, .face = {.utf8 = terminal->utf8}, .summary = {.lag_seconds = -1}};
	model_init(&live->model, &live->face);
}

void live_finish(struct live *live)
{
	model_finish(&live->model);
	json_decref(live->hosts);
	free(live->anchor);
	for (size_t i = 0; i < LIVE_NEWS_MAX; i++)
		text_finish(&live->news[i]);
	text_finish(&live->trouble);
	text_finish(&live->filter);
	*live = (struct live){0};
}

void live_set_hosts(struct live *live, json_t *hosts)
{
	json_decref(live->hosts);
	live->hosts = hosts;
	summary_of(hosts, &live->summary);
}

/* ---- events --------------------------------------------------------------------------------------------------- */

static void count_event(struct live *live, int64_t now_ms)
{
	int64_t second = now_ms / 1000;

	for (; live->rate_second < second; live->rate_second++) {
		if (second - live->rate_second > LIVE_RATE_SECONDS)
			live->rate_second = second - LIVE_RATE_SECONDS - 1;
		live->rate[(live->rate_second + 1) % (LIVE_RATE_SECONDS + 1)] = 0;
	}
	live->rate[second % (LIVE_RATE_SECONDS + 1)]++;
	live->events++;
}

/* Over the whole seconds before this one: the one at hand is not over. */
double live_rate(const struct live *live, int64_t now_ms)
{
	int64_t second = now_ms / 1000;
	uint64_t sum = 0;

	for (int64_t at = second - LIVE_RATE_SECONDS; at < second; at++)
		if (at <= live->rate_second && at > live->rate_second - LIVE_RATE_SECONDS - 1 && at >= 0)
			sum += live->rate[at % (LIVE_RATE_SECONDS + 1)];
	return (double)sum / LIVE_RATE_SECONDS;
}

/* 'signal 11 core' is too long for a narrow column: that a core was written is told by 'show'. */
static struct bytes short_state(const struct text *state)
{
	const char *core = strstr(text_string(state), " core");

	return core ? bytes_make(state->data, (size_t)(core - state->data)) : text_bytes(state);
}

static struct text *next_news(struct live *live, enum color color)
{
	size_t slot = live->news_count++ % LIVE_NEWS_MAX;

	text_reset(&live->news[slot]);
	live->news_color[slot] = color;
	return &live->news[slot];
}

static void add_padded(struct live *live, struct text *out, struct bytes value, size_t width)
{
	table_add_padded(out, value, width, false, live->face.utf8);
	text_putc(out, ' ');
}

/* '12:01:07.123 exec      web-1        4433 alice    ls -la' */
static void note_process(struct live *live, const char *type, const json_t *process)
{
	bool exited = strcmp(type, "exit") == 0;
	struct text *line = next_news(live, exited ? COLOR_DIM : COLOR_PLAIN), cell = TEXT_NULL;
	int64_t number;

	if (object_time(process, "time", &number))
		timefmt_add_clock(line, number);
	text_putc(line, ' ');
	if (exited)
		(void)column_add_state(process, &cell);
	else
		escape_text(&cell, bytes_from_string(type), live->face.utf8);
	add_padded(live, line, short_state(&cell), STATE_WIDTH);
	text_reset(&cell);
	escape_text(&cell, object_string(process, "host"), live->face.utf8);
	add_padded(live, line, text_bytes(&cell), HOST_WIDTH);
	text_printf(line, "%*" PRId64 " ", PID_WIDTH, object_int(process, "pid", &number) ? number : 0);
	text_reset(&cell);
	column_add_user(process, &live->face, &cell);
	add_padded(live, line, text_bytes(&cell), USER_WIDTH);
	column_add_command(process, &live->face, line);
	text_finish(&cell);
}

int live_add_event(struct live *live, const char *type, const json_t *object, int64_t now_ms)
{
	if (strcmp(type, "gap") == 0) {
		gap_add_line(object, &live->face, next_news(live, COLOR_LOUD));
		return 0;
	}
	if (strcmp(type, "host") == 0)
		return 0;
	count_event(live, now_ms);
	/* a fork is seen in the forest at once; as news it would only crowd out what it becomes */
	if (strcmp(type, "exec") == 0 || strcmp(type, "exit") == 0)
		note_process(live, type, object);
	return model_apply(&live->model, object, now_ms);
}

/* ---- geometry ------------------------------------------------------------------------------------------------- */

static size_t news_rows(const struct live *live)
{
	return live->terminal.rows < NEWS_ROWS_MIN ? 0 : live->terminal.rows < 30 ? 5 : LIVE_NEWS_MAX;
}

/* Rows that the forest has, at least one. */
static size_t forest_rows(const struct live *live)
{
	size_t taken = HEAD_ROWS + 1 + news_rows(live);

	return live->terminal.rows > taken ? live->terminal.rows - taken : 1;
}

static void clamp_top(struct live *live)
{
	size_t rows = live->model.row_count, visible = forest_rows(live), last = rows > visible ? rows - visible : 0;

	if (live->top > last)
		live->top = last;
}

static const char *row_id(const struct model_row *row)
{
	return row->node ? row->node->id : row->of->id;
}

static void drop_anchor(struct live *live)
{
	free(live->anchor);
	live->anchor = NULL;
	/* at the very top one wants to see what is at the top, not what was there */
	if (live->top && live->top < live->model.row_count)
		live->anchor = strdup(row_id(&live->model.rows[live->top]));
}

/* What stood at the upper edge stays there, whatever came or went above it. */
static void follow_anchor(struct live *live)
{
	for (size_t i = 0; live->anchor && i < live->model.row_count; i++) {
		const struct model_row *row = &live->model.rows[i];

		if (row->node && strcmp(row->node->id, live->anchor) == 0) {
			live->top = i;
			break;
		}
	}
	clamp_top(live);
}

void live_scroll(struct live *live, enum key key)
{
	size_t page = forest_rows(live) > 1 ? forest_rows(live) - 1 : 1;

	switch (key) {
	case KEY_UP: live->top -= live->top > 0; break;
	case KEY_DOWN: live->top++; break;
	case KEY_PAGE_UP: live->top -= live->top > page ? page : live->top; break;
	case KEY_PAGE_DOWN: live->top += page; break;
	case KEY_HOME: live->top = 0; break;
	case KEY_END: live->top = live->model.row_count; break;
	default: return;
	}
	clamp_top(live);
	drop_anchor(live);
}

/* ---- drawing -------------------------------------------------------------------------------------------------- */

/* A line that fills the terminal, in one colour. */
static void draw_line(const struct live *live, struct text *out, struct bytes value, enum color color)
{
	/* the bar is reversed without colours too: it is not a colour */
	bool on = live->terminal.color || color == COLOR_REVERSE;

	text_puts(out, color_begin(color, on));
	table_add_padded(out, value, live->terminal.columns, false, live->face.utf8);
	text_puts(out, color_end(color, on));
	text_putc(out, '\n');
}

static void draw_status(struct live *live, int64_t now, int64_t now_ms, struct text *out)
{
	const struct summary *summary = &live->summary;
	struct text bar = TEXT_NULL;

	text_puts(&bar, " canopy ");
	if (live->paused)
		text_puts(&bar, " [paused] ");
	if (live->trouble.len) {
		text_printf(&bar, " NOT CONNECTED: %s", text_string(&live->trouble));
	} else {
		text_printf(&bar, " %zu/%zu hosts", summary->current, summary->hosts);
		if (summary->catching_up)
			text_printf(&bar, "  %zu catching up", summary->catching_up);
		if (summary->silent)
			text_printf(&bar, "  %zu silent", summary->silent);
		text_printf(&bar, "  %" PRId64 " processes  %.1f events/s", summary->live, live_rate(live, now_ms));
		if (summary->lag_seconds >= 0) {
			text_puts(&bar, "  lag ");
			timefmt_add_span(&bar, (int64_t)(summary->lag_seconds * 1e9));
		}
		text_printf(&bar, "  lost %" PRId64, summary->lost);
	}
	if (live->filter.len)
		text_printf(&bar, "  | %s", text_string(&live->filter));
	if (bar.len + 10 < live->terminal.columns) {
		text_fill(&bar, ' ', live->terminal.columns - glyph_width(bar.data, bar.len) - 9);
		timefmt_add_short(&bar, now, now);
	}
	draw_line(live, out, text_bytes(&bar), COLOR_REVERSE);
	text_finish(&bar);
}

static void draw_heading(struct live *live, const struct model_row *row, struct text *out)
{
	struct text line = TEXT_NULL;
	const struct model_node *node = row->of;

	summary_add_heading(summary_find_host(live->hosts, bytes_from_string(node->boot_id)),
			    bytes_from_string(node->host), &live->face, &line);
	draw_line(live, out, text_bytes(&line), COLOR_BOLD);
	text_finish(&line);
}

static void add_age(const struct model_node *node, int64_t now, struct text *out)
{
	if (node->exited && node->span >= 0)
		timefmt_add_span(out, node->span);
	else if (!node->exited && node->start)
		timefmt_add_span(out, now > node->start ? now - node->start : 0);
}

static void draw_process(struct live *live, const struct model_row *row, const struct text *guide, int64_t now,
			 struct text *out)
{
	const struct model_node *node = row->node;
	bool utf8 = live->face.utf8, color = live->terminal.color;
	enum color tone = node->exited || node->faint ? COLOR_DIM : COLOR_PLAIN;
	size_t fixed = PID_WIDTH + USER_WIDTH + AGE_WIDTH + STATE_WIDTH + 4, columns = live->terminal.columns;
	struct text cell = TEXT_NULL;

	text_puts(out, color_begin(tone, color));
	text_printf(&cell, "%" PRId64, node->pid);
	table_add_padded(out, text_bytes(&cell), PID_WIDTH, true, utf8);
	text_putc(out, ' ');
	table_add_padded(out, text_bytes(&node->user), USER_WIDTH, false, utf8);
	text_putc(out, ' ');
	text_reset(&cell);
	add_age(node, now, &cell);
	table_add_padded(out, text_bytes(&cell), AGE_WIDTH, true, utf8);
	text_printf(out, " %s%s", color_end(tone, color), color_begin(node->state_color, color));
	table_add_padded(out, short_state(&node->state), STATE_WIDTH, false, utf8);
	text_printf(out, "%s %s", color_end(node->state_color, color), color_begin(tone, color));
	text_reset(&cell);
	text_add(&cell, guide->data, guide->len);
	text_add(&cell, node->command.data, node->command.len);
	table_add_padded(out, text_bytes(&cell), columns > fixed ? columns - fixed : 0, false, utf8);
	text_printf(out, "%s\n", color_end(tone, color));
	text_finish(&cell);
}

/* A frame narrower than the fixed columns is cut as a whole. */
static void draw_forest(struct live *live, int64_t now, struct text *out)
{
	size_t end = live->top + forest_rows(live);
	struct tree_guide guide = {{false}};
	struct text branches = TEXT_NULL;

	for (size_t i = 0; i < live->model.row_count && i < end; i++) {
		const struct model_row *row = &live->model.rows[i];

		if (i < live->top) {
			/* branches may come down from above the edge */
			tree_pass_guide(&guide, row->depth, row->last);
			continue;
		}
		text_reset(&branches);
		tree_add_guide(&guide, row->depth, row->last, live->face.utf8, &branches);
		if (row->node)
			draw_process(live, row, &branches, now, out);
		else
			draw_heading(live, row, out);
	}
	for (size_t i = live->model.row_count > live->top ? live->model.row_count : live->top; i < end; i++)
		text_putc(out, '\n');
	text_finish(&branches);
}

static void draw_divider(const struct live *live, struct text *out)
{
	size_t rows = live->model.row_count, visible = forest_rows(live),
	       end = live->top + visible < rows ? live->top + visible : rows;
	struct text line = TEXT_NULL;

	text_printf(&line, "%s %s", live->face.utf8 ? "──" : "--", keys_text);
	text_printf(&line, "  %s %zu-%zu of %zu ", live->face.utf8 ? "──" : "--", rows ? live->top + 1 : 0, end,
		    rows);
	while (glyph_width(line.data, line.len) < live->terminal.columns && !line.failed)
		text_puts(&line, live->face.utf8 ? "─" : "-");
	draw_line(live, out, text_bytes(&line), COLOR_DIM);
	text_finish(&line);
}

static void draw_news(const struct live *live, struct text *out)
{
	size_t rows = news_rows(live), known = live->news_count < rows ? live->news_count : rows;

	for (size_t i = 0; i < rows; i++) {
		size_t slot = (live->news_count - known + i) % LIVE_NEWS_MAX;

		if (i < known)
			draw_line(live, out, text_bytes(&live->news[slot]), live->news_color[slot]);
		else
			text_putc(out, '\n');
	}
}

/* A terminal of three lines has room for less than the least picture. */
static void cut_to_rows(struct text *out, unsigned rows)
{
	size_t at = 0;

	for (unsigned row = 0; row < rows && at < out->len; row++) {
		const char *end = memchr(out->data + at, '\n', out->len - at);

		at = end ? (size_t)(end - out->data) + 1 : out->len;
	}
	/* no newline behind the last line */
	text_cut(out, at ? at - 1 : 0);
}

int live_draw(struct live *live, int64_t now, int64_t now_ms, struct text *out)
{
	struct text heading = TEXT_NULL;
	int err;

	if (live->model.changed) {
		err = model_layout(&live->model);
		if (err)
			return err;
		follow_anchor(live);
	}
	clamp_top(live);
	draw_status(live, now, now_ms, out);
	text_printf(&heading, "%*s %-*s %*s %-*s COMMAND", PID_WIDTH, "PID", USER_WIDTH, "USER", AGE_WIDTH, "AGE",
		    STATE_WIDTH, "STATE");
	draw_line(live, out, text_bytes(&heading), COLOR_BOLD);
	text_finish(&heading);
	draw_forest(live, now, out);
	draw_divider(live, out);
	draw_news(live, out);
	cut_to_rows(out, live->terminal.rows);
	return out->failed ? -ENOMEM : 0;
}
