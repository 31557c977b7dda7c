/* SPDX-License-Identifier: Apache-2.0 */
/* A byte stream as a peer may send it. The first byte of the input says in what pieces it arrives and is inflated; the rest is the
 * stream. Whatever message comes out must go through the encoder, twice in a row on one connection, and come out each time. */
#include <stdlib.h>
#include <string.h>

#include "proto/wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAME_MAX 65536u /* small, so that the bound is met */
#define SLICE 1000u

static void feed(struct frame_reader *reader, const uint8_t *data, size_t len)
{
	while (len > 0) {
		uint8_t *at;
		size_t room;

		if (frame_reader_space(reader, &at, &room) < 0 || room == 0)
			abort();
		room = room < len ? room : len;
		memcpy(at, data, room);
		frame_reader_filled(reader, room);
		data += room;
		len -= room;
	}
}

static void check_through(struct frame_reader *reader, struct compressor *compressor, const uint8_t *message, size_t len)
{
	struct bytes part = bytes_make(message, len);
	const uint8_t *again;
	uint8_t *frame;
	size_t frame_len, again_len;

	if (frame_encode_with(&part, 1, compressor, &frame, &frame_len) < 0) {
		if (len <= FRAME_BYTES_MAX)
			abort();
		return;
	}
	feed(reader, frame, frame_len);
	if (frame_reader_next(reader, &again, &again_len) != 0 || again_len != len)
		abort();
	if (len && memcmp(again, message, len) != 0)
		abort();
	if (frame_reader_next(reader, &again, &again_len) != FRAME_E_MORE)
		abort();
	free(frame);
}

static void check_again(const uint8_t *message, size_t len)
{
	uint32_t accepted = (uint32_t)(len % (COMPRESSIONS_ALL + 1));
	struct compressor *compressor = NULL;
	struct frame_reader reader;

	if (accepted && compressor_create(&compressor, accepted) < 0)
		abort();
	frame_reader_init(&reader, FRAME_BYTES_MAX);
	frame_reader_keep_previous(&reader);
	for (int i = 0; i < 2; i++)
		check_through(&reader, compressor, message, len);
	frame_reader_finish(&reader);
	compressor_destroy(compressor);
}

/* A message that is paused for the first time begins anew. */
static int next_whole(struct frame_reader *reader, const uint8_t **ret_message, size_t *ret_len)
{
	int r = frame_reader_next(reader, ret_message, ret_len);

	if (r == FRAME_E_PAUSED)
		frame_reader_begin_anew(reader);
	while (r == FRAME_E_PAUSED)
		r = frame_reader_next(reader, ret_message, ret_len);
	return r;
}

/* Takes all messages there are; returns false when the stream cannot be read on. */
static int drain(struct frame_reader *reader)
{
	const uint8_t *message;
	size_t len;
	int r;

	while ((r = next_whole(reader, &message, &len)) == 0)
		check_again(message, len);
	return r == FRAME_E_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_reader reader;
	size_t step;

	if (size == 0)
		return 0;
	step = data[0] ? data[0] : size;
	frame_reader_init(&reader, FRAME_MAX);
	frame_reader_keep_previous(&reader);
	reader.slice = step % 2 ? SLICE : 0;
	for (size_t at = 1; at < size; at += step) {
		feed(&reader, data + at, step < size - at ? step : size - at);
		if (!drain(&reader))
			break;
	}
	frame_reader_finish(&reader);
	return 0;
}
