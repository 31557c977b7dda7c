/* SPDX-License-Identifier: Apache-2.0 */
/* canopy tail: events as they happen. What was written out is on its way before the cursor says so, and a signal is
 * only heard between events: after a clean end the cursor is exact, after a hard one events may repeat, and none is
 * ever skipped. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/cursor.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/follow.h"
#include "collector/console/cli/gap.h"
#include "collector/console/cli/object.h"

#define TAIL_E_DONE 1     /* --limit was reached */
#define TAIL_WAIT_MS 1000

struct tail {
	struct context *context;     /* borrowed */
	struct listing listing;
	struct follow follow;
	struct text path;
	struct text saved;           /* id in the cursor file */
	size_t shift;                /* of the filter */
	int signals;                 /* signalfd */
};

/* ---- events --------------------------------------------------------------------------------------------------- */

static bool is_table(const struct tail *tail)
{
	return tail->listing.format == OUTPUT_TABLE || tail->listing.format == OUTPUT_WIDE;
}

/* In a table a gap takes a line of its own, which nobody overlooks. */
static int add_gap(struct tail *tail, struct bytes data)
{
	json_t *gap = object_parse(data.data, data.len);
	struct text line = TEXT_NULL;

	text_puts(&line, "!! ");
	gap_add_line(gap, &tail->listing.face, &line);
	table_add_line(&tail->listing.table, text_bytes(&line), COLOR_LOUD);
	tail->listing.count++;
	text_finish(&line);
	json_decref(gap);
	return 0;
}

/* The stream also says when a host comes, goes or falls silent. */
static int add_host(struct tail *tail, struct bytes data)
{
	json_t *host = object_parse(data.data, data.len);
	struct text line = TEXT_NULL;
	struct bytes name = object_string(host, "host"), state = object_string(host, "state");

	text_puts(&line, "-- host ");
	escape_text(&line, name, tail->listing.face.utf8);
	if (state.len) {
		text_puts(&line, " is ");
		escape_text(&line, state, tail->listing.face.utf8);
	}
	table_add_line(&tail->listing.table, text_bytes(&line), COLOR_WARN);
	tail->listing.count++;
	text_finish(&line);
	json_decref(host);
	return 0;
}

static int on_event(void *user, const struct sse_event *event)
{
	struct tail *tail = user;
	uint64_t limit = tail->context->options.limit;
	int err;

	if (is_table(tail) && strcmp(event->type, "gap") == 0)
		err = add_gap(tail, event->data);
	else if (is_table(tail) && strcmp(event->type, "host") == 0)
		err = add_host(tail, event->data);
	else
		err = listing_add(&tail->listing, event->data);
	if (err)
		return err;
	return limit && tail->listing.count >= limit ? TAIL_E_DONE : 0;
}

/* Writes out what has come, then says so in the cursor file. The stream also tells its place when there is nothing to tell, so that who
 * follows something rare need not read everything again. */
static int settle(struct tail *tail)
{
	const char *file = tail->context->options.cursor, *place = text_string(&tail->follow.sse.id);
	int err = listing_flush(&tail->listing);

	if (err || !file || strcmp(place, text_string(&tail->saved)) == 0)
		return err;
	err = cursor_write(file, place);
	if (err) {
		message("cannot write the cursor to '%s': %s", file, strerror(-err));
		return err;
	}
	text_reset(&tail->saved);
	text_puts(&tail->saved, place);
	return 0;
}

/* ---- the loop ------------------------------------------------------------------------------------------------- */

static int open_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void report_loss(const struct tail *tail)
{
	const struct transfer *transfer = &tail->follow.transfer;

	if (transfer->result != CURLE_OK)
		message("lost the connection to %s (%s); trying again", text_string(&tail->context->client.base),
			*transfer->reason ? transfer->reason : curl_easy_strerror(transfer->result));
	else
		message("%s ended the stream; trying again", text_string(&tail->context->client.base));
}

/* A first connection that fails is an answer; later ones are a matter of patience. */
static int on_lost(struct tail *tail, bool *ret_over)
{
	struct follow *follow = &tail->follow;

	*ret_over = !follow->was_streaming || follow->state == FOLLOW_REFUSED;
	if (*ret_over && (!transfer_ok(&follow->transfer) || follow->state == FOLLOW_REFUSED))
		return client_explain(&follow->transfer, text_string(&tail->context->options.filter), tail->shift);
	if (follow->attempts == 1)
		report_loss(tail);
	*ret_over = false;
	return 0;
}

/* Returns the exit code. */
static int run(struct tail *tail)
{
	struct curl_waitfd extra = {.fd = tail->signals, .events = CURL_WAIT_POLLIN};
	bool over = false;
	int code = 0;

	while (!over) {
		bool lost;
		int err = client_wait(&tail->context->client, &extra, 1,
				      follow_timeout(&tail->follow, follow_now(), TAIL_WAIT_MS)),
		    done;

		done = err ? 0 : settle(tail);
		if (!err && !done)
			err = follow_tend(&tail->follow, follow_now(), &lost);
		if (err == TAIL_E_DONE)
			break;
		if (err || done)
			return done == -EPIPE ? EXIT_OK : context_fail(err ? err : done);
		if (lost)
			code = on_lost(tail, &over);
		if (extra.revents)
			break;
		extra.revents = 0;
	}
	return code;
}

static int tail_events(struct tail *tail)
{
	struct context *context = tail->context;
	int err, code;

	text_puts(&tail->path, "/api/v1/events");
	context_add_filter(context, &tail->path, &tail->shift);
	err = context->options.cursor ? cursor_read(context->options.cursor, &tail->saved) : 0;
	if (err) {
		message("cannot read the cursor from '%s': %s; remove it to begin now", context->options.cursor,
			err == -EINVAL ? "it holds no place in the stream" : strerror(-err));
		return EXIT_USAGE;
	}
	err = follow_start(&tail->follow, &context->client, text_string(&tail->path), text_string(&tail->saved),
			   on_event, tail);
	if (err)
		return context_fail(err);
	code = run(tail);
	follow_finish(&tail->follow);
	err = listing_end(&tail->listing);
	if (!code && err)
		code = context_fail(err);
	return code ? code : context_result(context, tail->listing.count);
}

int cmd_tail(struct context *context)
{
	struct tail tail = {.context = context, .signals = open_signals()};
	int code;

	if (tail.signals < 0)
		return context_fail(tail.signals);
	code = context_open_listing(context, &tail.listing, column_process_table(),
				    "time,event,host,pid,ppid,user,exit,command",
				    "time,event,host,pid,ppid,user,exit,exe,cwd,id,command");
	if (!code) {
		code = tail_events(&tail);
		listing_close(&tail.listing);
	}
	text_finish(&tail.path);
	text_finish(&tail.saved);
	(void)close(tail.signals);
	return code;
}
