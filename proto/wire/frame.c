/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in and out of a byte stream. The reader's memory follows the bytes that really came, never the length that a
 * header promises, and goes back as soon as no whole frame is left: a peer that falls silent holds the beginning of its next
 * frame, never what its last one inflated to. */
#include "proto/wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/reserve.h"

#define FLAG_COMPRESSED 0x01u
#define FLAG_PREVIOUS 0x02u             /* beside FLAG_COMPRESSED alone */
#define READ_MIN ((size_t)4096)         /* less room than this makes too many reads of a stream */
#define SHRINK_FACTOR 4u                /* times what is in it: more room than that is given back */

void frame_reader_init(struct frame_reader *reader, size_t frame_max)
{
	*reader = (struct frame_reader){.frame_max = frame_max, .inflated_max = FRAME_INFLATED_MAX};
}

void frame_reader_finish(struct frame_reader *reader)
{
	free(reader->buffer);
	frame_reader_begin_anew(reader);
	free(reader->previous);
	frame_reader_init(reader, reader->frame_max);
}

void frame_reader_keep_previous(struct frame_reader *reader)
{
	reader->keeps_previous = true;
}

size_t frame_reader_memory(const struct frame_reader *reader)
{
	return reader->capacity + reader->inflated.capacity + reader->previous_capacity + (reader->inflater ? inflater_memory(reader->inflater) : 0);
}

int frame_reader_space(struct frame_reader *reader, uint8_t **ret_at, size_t *ret_len)
{
	int r;

	if (reader->capacity - reader->end < READ_MIN && reader->start > 0) {
		memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	r = reserve(&reader->buffer, &reader->capacity, reader->end + READ_MIN);
	if (r < 0)
		return r;
	*ret_at = reader->buffer + reader->end;
	*ret_len = reader->capacity - reader->end;
	return 0;
}

void frame_reader_filled(struct frame_reader *reader, size_t len)
{
	reader->end += len;
}

static void drop(uint8_t **buffer, size_t *capacity)
{
	free(*buffer);
	*buffer = NULL;
	*capacity = 0;
}

/* The beginning of a frame moves to a smaller place; without memory for that it stays where it is. */
static void fit(struct frame_reader *reader, size_t len)
{
	uint8_t *smaller = NULL;
	size_t capacity = 0;

	if (reserve(&smaller, &capacity, len + READ_MIN) < 0)
		return;
	memcpy(smaller, reader->buffer + reader->start, len);
	free(reader->buffer);
	reader->buffer = smaller;
	reader->capacity = capacity;
	reader->start = 0;
	reader->end = len;
}

/* Called when no whole frame is left: nobody knows for how long the peer is silent now. */
static int more(struct frame_reader *reader)
{
	size_t len = reader->end - reader->start;

	drop(&reader->inflated.data, &reader->inflated.capacity);
	if (len == 0) {
		reader->start = reader->end = 0;
		drop(&reader->buffer, &reader->capacity);
	} else if (reader->capacity > RESERVE_MIN && reader->capacity / SHRINK_FACTOR > len + READ_MIN) {
		fit(reader, len);
	}
	return FRAME_E_MORE;
}

static void end_inflating(struct frame_reader *reader)
{
	inflater_destroy(reader->inflater);
	reader->inflater = NULL;
}

void frame_reader_begin_anew(struct frame_reader *reader)
{
	end_inflating(reader);
	drop(&reader->inflated.data, &reader->inflated.capacity);
}

static int inflate_message(struct frame_reader *reader, uint8_t flags, struct bytes compressed)
{
	struct bytes previous = {NULL, 0};
	int r = 0;

	if (flags & FLAG_PREVIOUS) {
		previous = bytes_make(reader->previous, reader->previous_len);
		if (previous.len == 0)
			return -EBADMSG;
	}
	if (!reader->inflater) {
		reader->inflated.len = 0;
		r = inflater_create(&reader->inflater, compressed, previous, reader->inflated_max);
	}
	if (r == 0)
		r = inflater_run(reader->inflater, compressed, previous, reader->slice, &reader->inflated);
	if (r != INFLATER_E_MORE)
		end_inflating(reader);
	return r == INFLATER_E_MORE ? FRAME_E_PAUSED : r;
}

static int resize_previous(struct frame_reader *reader, size_t size)
{
	uint8_t *memory = realloc(reader->previous, size ? size : 1);

	if (!memory)
		return -ENOMEM;
	reader->previous = memory;
	reader->previous_capacity = size;
	return 0;
}

static int remember(struct frame_reader *reader, uint8_t flags, const uint8_t *message, size_t len)
{
	size_t take = len < COMPRESSION_PREVIOUS_MAX ? len : COMPRESSION_PREVIOUS_MAX;
	size_t keep = flags & FLAG_PREVIOUS ? reader->previous_len : 0;
	int r;

	if (!reader->keeps_previous)
		return 0;
	if (keep > COMPRESSION_PREVIOUS_MAX - take)
		keep = COMPRESSION_PREVIOUS_MAX - take;
	if (keep + take > reader->previous_capacity) {
		r = resize_previous(reader, keep + take);
		if (r < 0)
			return r;
	}
	if (keep)
		memmove(reader->previous, reader->previous + reader->previous_len - keep, keep);
	if (take)
		memcpy(reader->previous + keep, message + len - take, take);
	reader->previous_len = keep + take;
	if (reader->previous_len < reader->previous_capacity / SHRINK_FACTOR) /* a heartbeat behind batches gives their memory back */
		(void)resize_previous(reader, reader->previous_len);
	return 0;
}

/* Which flags may stand in a frame of this reader: none, the first, or both. */
static bool known_flags(const struct frame_reader *reader, uint8_t flags)
{
	return flags == 0 || flags == FLAG_COMPRESSED ||
	       (reader->keeps_previous && flags == (FLAG_COMPRESSED | FLAG_PREVIOUS));
}

static uint32_t header_length(const uint8_t *header)
{
	return (uint32_t)header[1] << 24 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 8 | header[4];
}

int frame_reader_next(struct frame_reader *reader, const uint8_t **ret_message, size_t *ret_len)
{
	const uint8_t *at = reader->buffer ? reader->buffer + reader->start : NULL;
	size_t have = reader->end - reader->start, len;
	int r;

	if (have > 0 && !known_flags(reader, at[0]))
		return -EBADMSG;
	if (have < FRAME_HEADER_BYTES)
		return more(reader);
	len = header_length(at);
	if (len > reader->frame_max)
		return -EMSGSIZE;
	if (have - FRAME_HEADER_BYTES < len)
		return more(reader);
	if (at[0] & FLAG_COMPRESSED) {
		r = inflate_message(reader, at[0], bytes_make(at + FRAME_HEADER_BYTES, len));
		if (r != 0)
			return r;
		*ret_message = reader->inflated.data;
		*ret_len = reader->inflated.len;
	} else {
		*ret_message = at + FRAME_HEADER_BYTES;
		*ret_len = len;
	}
	r = remember(reader, at[0], *ret_message, *ret_len);
	if (r < 0)
		return r;
	reader->start += FRAME_HEADER_BYTES + len;
	return 0;
}

static void write_header(uint8_t *frame, uint8_t flags, size_t len)
{
	frame[0] = flags;
	for (unsigned i = 0; i < 4; i++)
		frame[1 + i] = (uint8_t)(len >> (24 - 8 * i));
}

static size_t encode_plain(const struct bytes *parts, size_t count, uint8_t *frame)
{
	size_t at = FRAME_HEADER_BYTES;

	for (size_t i = 0; i < count; i++) {
		if (parts[i].len)
			memcpy(frame + at, parts[i].data, parts[i].len);
		at += parts[i].len;
	}
	write_header(frame, 0, at - FRAME_HEADER_BYTES);
	return at;
}

int frame_encode_with(const struct bytes *parts, size_t count, struct compressor *compressor, uint8_t **ret_frame, size_t *ret_len)
{
	size_t total = 0, len = 0;
	bool previous = false;
	uint8_t *frame;

	for (size_t i = 0; i < count; i++)
		total += parts[i].len;
	/* Nobody can count on compressing well, so that nothing is sent that would not fit as it is. */
	if (total > FRAME_BYTES_MAX)
		return -EMSGSIZE;
	frame = malloc(FRAME_HEADER_BYTES + total);
	if (!frame)
		return -ENOMEM;
	if (compressor && total >= FRAME_COMPRESS_MIN)
		len = compressor_run(compressor, parts, count, frame + FRAME_HEADER_BYTES, total - 1, &previous);
	if (compressor)
		compressor_remember(compressor, parts, count, len > 0 && previous);
	if (len > 0) {
		write_header(frame, FLAG_COMPRESSED | (previous ? FLAG_PREVIOUS : 0), len);
		len += FRAME_HEADER_BYTES;
	} else {
		len = encode_plain(parts, count, frame);
	}
	*ret_frame = frame;
	*ret_len = len;
	return 0;
}

int frame_encode(const struct bytes *parts, size_t count, bool compress, uint8_t **ret_frame, size_t *ret_len)
{
	struct compressor *compressor = NULL;
	int r;

	if (compress)
		(void)compressor_create(&compressor, COMPRESSION_ZLIB); /* without memory it goes as it is */
	r = frame_encode_with(parts, count, compressor, ret_frame, ret_len);
	compressor_destroy(compressor);
	return r;
}
