/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a connection at the sensors' port. They come in pieces: once there is an answer, more bytes do not change it. No
 * frame is foreign, and whatever the console's own parser takes for a request is HTTP. */
#include <stdio.h>

#include "canopy/arena.h"
#include "collector/console/http/request.h"
#include "collector/listen/foreign.h"
#include "proto/wire/frame.h"
#include "tests/fuzz/input.h"

#define BEGINNING 16u   /* longer than every method */
#define CONSOLE_MAX 300u /* more than an address with its port has */

/* A copy of the exact size, so that a sanitizer sees a read behind it. */
static enum foreign judge(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum foreign foreign;

	must(exact != NULL);
	memcpy(exact, data, len);
	foreign = foreign_judge(exact, len);
	free(exact);
	return foreign;
}

static enum foreign check_pieces(const uint8_t *data, size_t size)
{
	enum foreign whole = judge(data, size), before = FOREIGN_MAYBE;

	must(judge(data, 0) == FOREIGN_NOT);
	for (size_t len = 1; len <= size && len <= BEGINNING; len++) {
		enum foreign foreign = judge(data, len);

		must(before == FOREIGN_MAYBE || foreign == before);
		must((foreign == FOREIGN_NOT) == (data[0] <= 1));
		before = foreign;
	}
	must(size == 0 || whole == before);
	must(size < BEGINNING || whole != FOREIGN_MAYBE);
	return whole;
}

static void check_request(const uint8_t *data, size_t size, enum foreign foreign)
{
	struct arena arena = {.limit = 1u << 20};
	const char *why = NULL;
	struct request request;
	size_t at = 0, len = request_scan((const char *)data, size, &at);

	/* empty lines before a request are passed over by the parser; nobody sends them first of all */
	if (len && data[0] != '\r' && data[0] != '\n' &&
	    request_parse(&arena, (const char *)data, len, &request, &why) == 0 && request.method != REQUEST_OTHER)
		must(foreign == FOREIGN_HTTP);
	arena_finish(&arena);
	len = 0;
	while (len < size && data[len] >= 'A' && data[len] <= 'Z')
		len++;
	must(foreign != FOREIGN_HTTP || (len && data[len] == ' '));
}

/* As the first message of a sensor, whatever it is. */
static void check_frame(const uint8_t *data, size_t size, bool compress)
{
	struct bytes part = bytes_make(data, size);
	uint8_t *frame;
	size_t len;

	must(frame_encode(&part, 1, compress, &frame, &len) == 0);
	must(check_pieces(frame, len) == FOREIGN_NOT);
	free(frame);
}

static void check_answer(const char *console)
{
	uint8_t *answer;
	size_t len, declared = 0;
	const char *body, *length;
	char *text;

	must(foreign_http_answer(console, &answer, &len) == 0);
	text = input_string(bytes_make(answer, len));
	must(strlen(text) == len);
	body = strstr(text, "\r\n\r\n");
	length = strstr(text, "Content-Length: ");
	must(body && length && length < body && sscanf(length, "Content-Length: %zu", &declared) == 1);
	must(strlen(body + 4) == declared && text[len - 1] == '\n');
	must(!console || strstr(body, console));
	free(text);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *console = input_string(bytes_make(data, size < CONSOLE_MAX ? size : CONSOLE_MAX));

	check_request(data, size, check_pieces(data, size));
	check_frame(data, size, false);
	check_frame(data, size, true);
	check_answer(console);
	check_answer(NULL);
	free(console);
	return 0;
}
