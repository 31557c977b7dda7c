/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of events from a server that need not be ours. The first byte says in what pieces it comes: wherever it is cut, the same
 * events come out, and a new connection begins as if there had been none. */
#include <errno.h>
#include <stdio.h>

#include "collector/console/cli/sse.h"
#include "tests/fuzz/input.h"

/* All events one behind the other, in a form that keeps them apart. */
static int note(void *user, const struct sse_event *event)
{
	struct text *log = user;

	must(event->type && *event->type && event->id && event->data.len <= SSE_EVENT_MAX);
	must(!strpbrk(event->type, "\r\n") && !strpbrk(event->id, "\r\n"));
	must(!event->data.len || !memchr(event->data.data, '\r', event->data.len));
	text_printf(log, "%s %s %u ", event->type, event->id, event->data.len);
	text_add(log, event->data.data, event->data.len);
	text_putc(log, '\n');
	return 0;
}

static void feed(struct sse *sse, const uint8_t *data, size_t size, size_t step, struct text *log)
{
	for (size_t at = 0; at < size; at += step) {
		size_t len = step < size - at ? step : size - at;
		char *piece = malloc(len);

		must(piece != NULL);
		memcpy(piece, data + at, len);
		must(sse_feed(sse, piece, len, note, log) == 0);
		free(piece);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text whole = TEXT_NULL, pieces = TEXT_NULL;
	struct sse first = SSE_NULL, second = SSE_NULL;
	size_t step;

	if (size < 2)
		return 0;
	step = data[0] % 16 + 1u;
	feed(&first, data + 1, size - 1, size, &whole);
	feed(&second, data + 1, size - 1, step, &pieces);
	must(bytes_equal(text_bytes(&whole), text_bytes(&pieces)) && first.retry_ms == second.retry_ms);
	must(first.retry_ms >= -1 && first.retry_ms <= 60000);
	must(strcmp(text_string(&first.id), text_string(&second.id)) == 0);
	/* Over again after a break, with the id that was reached. */
	text_reset(&whole);
	text_reset(&pieces);
	sse_restart(&first);
	sse_restart(&second);
	feed(&first, data + 1, size - 1, step, &whole);
	feed(&second, data + 1, size - 1, size, &pieces);
	must(bytes_equal(text_bytes(&whole), text_bytes(&pieces)));
	sse_finish(&first);
	sse_finish(&second);
	text_finish(&whole);
	text_finish(&pieces);
	return 0;
}
