/* SPDX-License-Identifier: Apache-2.0 */
/* canopy top: the forest live on the terminal. One loop waits for the stream of events, two polls, the keyboard and
 * signals; the stream makes new processes appear at once, the polls see to it that the picture is right in the long
 * run. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/follow.h"
#include "collector/console/cli/live.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/page.h"
#include "collector/console/cli/screen.h"
#include "collector/console/cli/timefmt.h"

#define POLL_MS 1000
/* Asking, answering and reading take at most one part in so many of the time, however large the forest. */
#define POLL_SHARE 10
/* But a server that was slow once must not be left alone for minutes. */
#define POLL_REST_MAX_MS 20000
/* Frames closer together than the eye can tell are a waste. */
#define FRAME_MS 50
/* Ages move on at least so often. */
#define TICK_MS 1000

struct top {
	struct context *context;         /* borrowed */
	struct live live;
	struct screen screen;
	struct follow follow;
	struct text tree_path, events_path;
	size_t shift;
	struct transfer tree, hosts;
	bool polling;
	bool connected;                  /* a poll was good once */
	int64_t asked_ms, next_poll_ms;
	int64_t drawn_ms;                /* the last frame */
	bool dirty;                      /* something changed since */
	int64_t frozen;                  /* wall clock at which it was paused */
	int signals;                     /* signalfd */
	char input[64];
	size_t input_len;
	bool quit;
	int code;
};

/* ---- data ----------------------------------------------------------------------------------------------------- */

static int on_event(void *user, const struct sse_event *event)
{
	struct top *top = user;
	json_t *object;
	int err = 0;

	if (top->live.paused)
		return 0;
	object = object_parse(event->data.data, event->data.len);
	if (json_is_object(object))
		err = live_add_event(&top->live, event->type, object, follow_now());
	json_decref(object);
	top->dirty = true;
	return err;
}

static void make_tree_path(struct top *top)
{
	const struct options *options = &top->context->options;
	struct text depth = TEXT_NULL;

	text_reset(&top->tree_path);
	text_puts(&top->tree_path, "/api/v1/tree");
	context_add_filter(top->context, &top->tree_path, &top->shift);
	if (top->live.exited)
		client_add_query(&top->tree_path, "exited", BYTES_LITERAL("1"));
	if (options->children)
		client_add_query(&top->tree_path, "children", BYTES_LITERAL("1"));
	if (options->depth >= 0) {
		text_printf(&depth, "%" PRId64, options->depth);
		client_add_query(&top->tree_path, "depth", text_bytes(&depth));
	}
	text_finish(&depth);
}

static int begin_poll(struct top *top, int64_t now_ms)
{
	struct client *client = &top->context->client;
	int err;

	make_tree_path(top);
	top->asked_ms = now_ms;
	top->polling = true;
	err = transfer_begin(&top->tree, client, text_string(&top->tree_path), NULL, NULL, NULL);
	return err ? err : transfer_begin(&top->hosts, client, "/api/v1/hosts", NULL, NULL, NULL);
}

static int take_tree(struct top *top, int64_t now_ms)
{
	struct model *model = &top->live.model;
	struct page page = PAGE_NULL;
	struct bytes node;
	int err = page_open(&page, text_bytes(&top->tree.body), "nodes");

	if (err)
		return err;
	model_poll_begin(model, top->asked_ms);
	while (!err && page_next(&page, &node)) {
		json_t *process = object_parse(node.data, node.len);

		err = json_is_object(process) ? model_poll_add(model, process) : -EBADMSG;
		json_decref(process);
	}
	model_poll_end(model, now_ms);
	page_finish(&page);
	return err;
}

static void take_hosts(struct top *top)
{
	json_t *answer = object_parse(top->hosts.body.data, top->hosts.body.len);

	live_set_hosts(&top->live, json_incref(object_at(answer, "hosts")));
	json_decref(answer);
}

static void set_trouble(struct top *top, const struct transfer *transfer)
{
	struct text *trouble = &top->live.trouble, plain = TEXT_NULL;

	text_reset(trouble);
	if (transfer->result != CURLE_OK)
		text_puts(&plain, *transfer->reason ? transfer->reason : curl_easy_strerror(transfer->result));
	else
		text_printf(&plain, "the server answered with status %ld", transfer->status);
	escape_text(trouble, text_bytes(&plain), top->live.face.utf8);
	text_finish(&plain);
}

static void plan_poll(struct top *top, int64_t now_ms, bool good)
{
	int64_t rest = good ? (now_ms - top->asked_ms) * POLL_SHARE : POLL_MS;

	if (rest > POLL_REST_MAX_MS)
		rest = POLL_REST_MAX_MS;
	top->next_poll_ms = now_ms + (rest > POLL_MS ? rest : POLL_MS);
}

/* What the very first poll cannot get is an answer, not a picture: it is given as by any other command. */
static void end_poll(struct top *top, int64_t now_ms)
{
	const struct transfer *bad = transfer_ok(&top->tree) ? &top->hosts : &top->tree;
	bool good = transfer_ok(&top->tree) && transfer_ok(&top->hosts);
	int err = 0;

	top->polling = false;
	if (!good) {
		set_trouble(top, bad);
		if (!top->connected || (bad->result == CURLE_OK && bad->status >= 400 && bad->status < 500)) {
			screen_close(&top->screen);
			top->code = client_explain(bad, text_string(&top->context->options.filter), top->shift);
			top->quit = true;
		}
	} else if (!top->live.paused) {
		top->connected = true;
		text_reset(&top->live.trouble);
		take_hosts(top);
		err = take_tree(top, now_ms);
	}
	if (err) {
		text_reset(&top->live.trouble);
		text_puts(&top->live.trouble, err == -ENOMEM ? "out of memory" : "the answer is not understood");
	}
	transfer_end(&top->tree);
	transfer_end(&top->hosts);
	plan_poll(top, follow_now(), good);
	top->dirty = true;
}

/* ---- keys and signals ----------------------------------------------------------------------------------------- */

static void on_key(struct top *top, enum key key)
{
	struct live *live = &top->live;

	top->dirty = true;
	if (key == KEY_QUIT) {
		top->quit = true;
	} else if (key == KEY_PAUSE) {
		live->paused = !live->paused;
		top->frozen = timefmt_now();
		top->next_poll_ms = 0;
	} else if (key == KEY_EXITED) {
		live->exited = !live->exited;
		live->paused = false;
		top->next_poll_ms = 0;
	} else if (key == KEY_REDRAW) {
		screen_forget(&top->screen);
	} else {
		live_scroll(live, key);
	}
}

static void read_keys(struct top *top)
{
	ssize_t got = read(STDIN_FILENO, top->input + top->input_len, sizeof(top->input) - top->input_len);
	size_t at = 0, took;
	enum key key;

	if (got <= 0) {
		/* the terminal is gone */
		top->quit |= got == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	top->input_len += (size_t)got;
	while ((took = key_parse(top->input + at, top->input_len - at, &key)) > 0) {
		at += took;
		on_key(top, key);
	}
	memmove(top->input, top->input + at, top->input_len - at);
	top->input_len -= at;
}

/* Ctrl-Z: the terminal is given back while the program stands still. */
static void suspend(struct top *top)
{
	screen_close(&top->screen);
	(void)kill(getpid(), SIGSTOP);
	if (screen_open(&top->screen) < 0)
		top->quit = true;
	terminal_measure(&top->live.terminal);
	top->dirty = true;
}

static void read_signals(struct top *top)
{
	struct signalfd_siginfo info;

	while (read(top->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH) {
			terminal_measure(&top->live.terminal);
			screen_forget(&top->screen);
			top->dirty = true;
		} else if (info.ssi_signo == SIGTSTP) {
			suspend(top);
		} else {
			top->quit = true;
		}
	}
}

static int open_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaddset(&set, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the loop ------------------------------------------------------------------------------------------------- */

static int draw(struct top *top, int64_t now_ms)
{
	struct text frame = TEXT_NULL;
	int64_t now = top->live.paused ? top->frozen : timefmt_now();
	int err;

	if (!top->live.paused)
		model_expire(&top->live.model, now_ms);
	err = live_draw(&top->live, now, now_ms, &frame);
	if (!err)
		err = screen_show(&top->screen, &frame);
	text_finish(&frame);
	top->drawn_ms = now_ms;
	top->dirty = false;
	return err;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int next_timeout(const struct top *top, int64_t now_ms)
{
	int64_t at = top->drawn_ms + (top->dirty ? FRAME_MS : TICK_MS);

	if (!top->polling)
		at = earlier(at, top->next_poll_ms);
	return follow_timeout(&top->follow, now_ms, at > now_ms ? (int)(at - now_ms) : 0);
}

static int step(struct top *top)
{
	struct curl_waitfd extra[] = {{.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN},
				      {.fd = top->signals, .events = CURL_WAIT_POLLIN}};
	int64_t now_ms = follow_now();
	bool lost;
	int err = 0;

	if (!top->polling && now_ms >= top->next_poll_ms)
		err = begin_poll(top, now_ms);
	if (!err)
		err = client_wait(&top->context->client, extra, 2, next_timeout(top, now_ms));
	if (err)
		return err;
	if (extra[0].revents)
		read_keys(top);
	if (extra[1].revents)
		read_signals(top);
	now_ms = follow_now();
	err = follow_tend(&top->follow, now_ms, &lost);
	if (!err && lost && top->follow.state != FOLLOW_REFUSED)
		set_trouble(top, &top->follow.transfer);
	if (!err && top->polling && !top->tree.active && !top->hosts.active)
		end_poll(top, now_ms);
	if (!err && !top->quit &&
	    (now_ms - top->drawn_ms >= TICK_MS || (top->dirty && now_ms - top->drawn_ms >= FRAME_MS)))
		err = draw(top, now_ms);
	return err;
}

static int run(struct top *top)
{
	int err;

	make_tree_path(top);
	text_puts(&top->events_path, "/api/v1/events");
	context_add_filter(top->context, &top->events_path, &top->shift);
	err = follow_start(&top->follow, &top->context->client, text_string(&top->events_path), "", on_event, top);
	if (!err)
		err = screen_open(&top->screen);
	while (!err && !top->quit)
		err = step(top);
	screen_finish(&top->screen);
	follow_finish(&top->follow);
	transfer_end(&top->tree);
	transfer_end(&top->hosts);
	/* a terminal that went away took its user with it */
	if (err && err != -EIO && err != -EPIPE)
		return context_fail(err);
	return top->code;
}

static void describe_filter(struct top *top)
{
	const struct options *options = &top->context->options;
	struct text *shown = &top->live.filter;

	if (options->host) {
		text_puts(shown, "host ");
		escape_text(shown, bytes_from_string(options->host), top->live.face.utf8);
	}
	if (options->filter.len) {
		text_puts(shown, shown->len ? ", " : "");
		escape_text(shown, text_bytes(&options->filter), top->live.face.utf8);
	}
}

int cmd_top(struct context *context)
{
	struct top top = {.context = context};
	int code;

	if (!context->terminal.is_terminal || !isatty(STDIN_FILENO)) {
		message("the live view needs a terminal");
		message_more("'canopy tree' draws one picture, 'canopy tail' prints events as they come");
		return EXIT_USAGE;
	}
	top.signals = open_signals();
	if (top.signals < 0)
		return context_fail(top.signals);
	live_init(&top.live, &context->terminal);
	top.live.exited = context->options.exited;
	describe_filter(&top);
	code = run(&top);
	live_finish(&top.live);
	text_finish(&top.tree_path);
	text_finish(&top.events_path);
	(void)close(top.signals);
	return code;
}
