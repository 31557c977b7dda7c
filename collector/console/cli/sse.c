/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are gathered first and then read as fields, so that a cut between any two bytes is like any other. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/sse.h"

#define RETRY_MS_MAX 60000

void sse_finish(struct sse *sse)
{
	text_finish(&sse->line);
	text_finish(&sse->data);
	text_finish(&sse->type);
	text_finish(&sse->id);
	text_finish(&sse->new_id);
	*sse = SSE_NULL;
}

void sse_restart(struct sse *sse)
{
	text_reset(&sse->line);
	text_reset(&sse->data);
	text_reset(&sse->type);
	text_reset(&sse->new_id);
	sse->had_id = sse->had_data = sse->skip_newline = sse->begun = false;
}

static int dispatch(struct sse *sse, sse_handler *handler, void *user)
{
	struct sse_event event;
	int err = 0;

	if (sse->had_id) {
		text_reset(&sse->id);
		text_puts(&sse->id, text_string(&sse->new_id));
		sse->had_id = false;
	}
	event = (struct sse_event){
		.type = sse->type.len ? text_string(&sse->type) : "message",
		.data = text_bytes(&sse->data),
		.id = text_string(&sse->id),
	};
	if (sse->data.failed || sse->type.failed || sse->id.failed || sse->new_id.failed)
		return -ENOMEM;
	if (sse->had_data)
		err = handler(user, &event);
	text_reset(&sse->data);
	text_reset(&sse->type);
	sse->had_data = false;
	return err;
}

static bool is_field(const struct text *line, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(line->data, name, len) == 0;
}

static void read_retry(struct sse *sse, const char *value)
{
	long ms = strtol(value, NULL, 10);

	if (isdigit((unsigned char)*value))
		sse->retry_ms = ms < RETRY_MS_MAX ? ms : RETRY_MS_MAX;
}

static void read_field(struct sse *sse)
{
	const char *colon = memchr(sse->line.data, ':', sse->line.len);
	size_t name = colon ? (size_t)(colon - sse->line.data) : sse->line.len, at = colon ? name + 1 : name;

	if (at < sse->line.len && sse->line.data[at] == ' ')
		at++;
	if (is_field(&sse->line, name, "data")) {
		if (sse->had_data)
			text_putc(&sse->data, '\n');
		text_add(&sse->data, sse->line.data + at, sse->line.len - at);
		sse->had_data = true;
	} else if (is_field(&sse->line, name, "event") && !memchr(sse->line.data + at, '\0', sse->line.len - at)) {
		text_reset(&sse->type);
		text_add(&sse->type, sse->line.data + at, sse->line.len - at);
	} else if (is_field(&sse->line, name, "id") && !memchr(sse->line.data + at, '\0', sse->line.len - at)) {
		text_reset(&sse->new_id);
		text_add(&sse->new_id, sse->line.data + at, sse->line.len - at);
		sse->had_id = true;
	} else if (is_field(&sse->line, name, "retry")) {
		read_retry(sse, sse->line.data + at);
	}
}

static int end_line(struct sse *sse, sse_handler *handler, void *user)
{
	static const char mark[] = "\xef\xbb\xbf";
	int err = 0;

	if (sse->line.failed)
		return -ENOMEM;
	if (!sse->begun && sse->line.len >= 3 && memcmp(sse->line.data, mark, 3) == 0) {
		memmove(sse->line.data, sse->line.data + 3, sse->line.len - 3);
		text_cut(&sse->line, sse->line.len - 3);
	}
	sse->begun = true;
	if (sse->line.len)
		read_field(sse);
	else
		err = dispatch(sse, handler, user);
	text_reset(&sse->line);
	return err;
}

int sse_feed(struct sse *sse, const char *data, size_t len, sse_handler *handler, void *user)
{
	size_t at = 0;

	while (at < len) {
		size_t run = 0;
		int err;

		if (sse->skip_newline && data[at] == '\n')
			at++;
		sse->skip_newline = false;
		while (at + run < len && data[at + run] != '\n' && data[at + run] != '\r')
			run++;
		if (sse->line.len + sse->data.len + run > SSE_EVENT_MAX)
			return -EMSGSIZE;
		text_add(&sse->line, data + at, run);
		at += run;
		if (at == len)
			break;
		sse->skip_newline = data[at++] == '\r';
		err = end_line(sse, handler, user);
		if (err)
			return err;
	}
	return 0;
}
