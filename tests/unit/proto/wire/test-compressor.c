/* SPDX-License-Identifier: Apache-2.0 */
/* Both kinds, kept over many messages, come back byte for byte through a reader of frames, with and without the help of the messages before; what is no
 * whole stream of either kind is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "proto/wire/compressor.h"
#include "proto/wire/frame.h"

#define TEXT_BYTES 200000u

static char text[TEXT_BYTES];
static struct frame_reader reader;

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i / 7 % 5 + i / 1000 % 3);
	frame_reader_init(&reader, FRAME_BYTES_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	frame_reader_finish(&reader);
	return 0;
}

static void feed(const uint8_t *data, size_t len)
{
	while (len > 0) {
		uint8_t *at;
		size_t room;

		assert_int_equal(frame_reader_space(&reader, &at, &room), 0);
		room = room < len ? room : len;
		memcpy(at, data, room);
		frame_reader_filled(&reader, room);
		data += room;
		len -= room;
	}
}

/* The octets of one frame whose message is said to be compressed. */
static int next_of(const uint8_t *data, size_t len, const uint8_t **ret, size_t *ret_len)
{
	const uint8_t header[FRAME_HEADER_BYTES] = {1, 0, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};

	feed(header, sizeof(header));
	feed(data, len);
	return frame_reader_next(&reader, ret, ret_len);
}

static int refusal_of(const uint8_t *data, size_t len)
{
	const uint8_t *message;
	size_t message_len;
	int r;

	frame_reader_finish(&reader);
	r = next_of(data, len, &message, &message_len);
	frame_reader_finish(&reader);
	return r;
}

static void many_messages_come_back(uint32_t accepted, enum compression kind)
{
	struct compressor *compressor;

	assert_int_equal(compressor_create(&compressor, accepted), 0);
	assert_int_equal(compressor_kind(compressor), kind);
	for (size_t len = FRAME_COMPRESS_MIN; len <= sizeof(text); len = len * 3 / 2 + 1) {
		struct bytes parts[3] = {bytes_make(text, 7), {NULL, 0}, bytes_make(text + 7, len - 7)};
		const uint8_t *message;
		uint8_t *frame;
		size_t frame_len, message_len;

		assert_int_equal(frame_encode_with(parts, 3, compressor, &frame, &frame_len), 0);
		assert_in_range(frame_len, FRAME_HEADER_BYTES + 1, len - 1);
		assert_int_equal(frame[0], 1);
		assert_int_equal(compressor_is_zstd(frame + FRAME_HEADER_BYTES, frame_len), kind == COMPRESSION_ZSTD);
		feed(frame, frame_len);
		assert_int_equal(frame_reader_next(&reader, &message, &message_len), 0);
		assert_int_equal(message_len, len);
		assert_memory_equal(message, text, len);
		free(frame);
	}
	compressor_destroy(compressor);
}

static void zlib_comes_back(void **state)
{
	(void)state;
	many_messages_come_back(0, COMPRESSION_ZLIB); /* a collector that says nothing */
	many_messages_come_back(COMPRESSION_ZLIB, COMPRESSION_ZLIB);
}

static void zstd_comes_back(void **state)
{
	(void)state;
	many_messages_come_back(COMPRESSION_ZLIB | COMPRESSION_ZSTD, COMPRESSION_ZSTD);
}

static void what_does_not_shrink_goes_as_it_is(void **state)
{
	uint32_t noise[256], x = 1;
	struct bytes part = bytes_make(noise, sizeof(noise));

	(void)state;
	for (size_t i = 0; i < 256; i++)
		noise[i] = x = (x * 1664525u + 1013904223u) ^ x >> 13;
	for (uint32_t kind = COMPRESSION_ZLIB; kind <= COMPRESSION_ZSTD; kind++) {
		struct compressor *compressor;
		uint8_t *frame;
		size_t len;

		assert_int_equal(compressor_create(&compressor, kind), 0);
		for (int i = 0; i < 2; i++) { /* a failure leaves nothing behind for the next message */
			assert_int_equal(frame_encode_with(&part, 1, compressor, &frame, &len), 0);
			assert_int_equal(len, FRAME_HEADER_BYTES + sizeof(noise));
			assert_int_equal(frame[0], 0);
			free(frame);
		}
		compressor_destroy(compressor);
	}
}

/* ---- by the help of the messages before ---- */

/* flags: -1 where what the message before helps may not outweigh what either kind adds. */
static const struct {
	size_t len;
	int flags;
} chain[] = {{100, 0}, {300, 3}, {20000, -1}, {COMPRESSION_PREVIOUS_MAX + 1, 3}, {260, 3}, {40, 0}, {5000, -1}};
#define CHAIN_LENGTHS (sizeof(chain) / sizeof(*chain))

/* Noise that neither kind can shorten by itself: only who has the messages before can. */
static void fill_noise(char *to, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		to[i] = (char)(x >> 24);
	}
}

/* The end of one noise, so that each message holds the end of the one before or lies in it. */
static void next_in_chain(struct compressor *compressor, struct frame_reader *to, size_t len, int flags)
{
	static char noise[32768];
	struct bytes parts[2];
	const uint8_t *message;
	uint8_t *frame;
	size_t frame_len, message_len, room;
	uint8_t *at;

	fill_noise(noise, sizeof(noise));
	parts[0] = bytes_make(noise + sizeof(noise) - len, 5);
	parts[1] = bytes_make(noise + sizeof(noise) - len + 5, len - 5);
	assert_int_equal(frame_encode_with(parts, 2, compressor, &frame, &frame_len), 0);
	if (flags >= 0)
		assert_int_equal(frame[0], flags);
	for (size_t done = 0; done < frame_len; done += room) {
		assert_int_equal(frame_reader_space(to, &at, &room), 0);
		room = room < frame_len - done ? room : frame_len - done;
		memcpy(at, frame + done, room);
		frame_reader_filled(to, room);
	}
	free(frame);
	assert_int_equal(frame_reader_next(to, &message, &message_len), 0);
	assert_int_equal(message_len, len);
	assert_memory_equal(message, noise + sizeof(noise) - len, len);
}

static void a_chain_comes_back(void **state)
{
	(void)state;
	for (uint32_t kind = COMPRESSION_ZLIB; kind <= COMPRESSION_ZSTD; kind++) {
		struct compressor *compressor;
		struct frame_reader keeper;

		frame_reader_init(&keeper, FRAME_BYTES_MAX);
		frame_reader_keep_previous(&keeper);
		assert_int_equal(compressor_create(&compressor, kind | COMPRESSION_PREVIOUS), 0);
		for (unsigned i = 0; i < CHAIN_LENGTHS; i++)
			next_in_chain(compressor, &keeper, chain[i].len, chain[i].flags);
		compressor_forget(compressor);
		next_in_chain(compressor, &keeper, 5000, 0);
		compressor_destroy(compressor);
		frame_reader_finish(&keeper);
	}
}

static void a_short_message_gives_the_memory_back(void **state)
{
	struct compressor *compressor;
	struct frame_reader keeper;

	(void)state;
	frame_reader_init(&keeper, FRAME_BYTES_MAX);
	frame_reader_keep_previous(&keeper);
	assert_int_equal(compressor_create(&compressor, COMPRESSIONS_ALL), 0);
	next_in_chain(compressor, &keeper, 20000, 0);
	assert_int_equal(keeper.previous_capacity, COMPRESSION_PREVIOUS_MAX);
	next_in_chain(compressor, &keeper, 40, 0);
	assert_int_equal(keeper.previous_capacity, 40);
	compressor_destroy(compressor);
	frame_reader_finish(&keeper);
}

/* What needs a message that this reader does not have is no frame; nor is the second flag without the first. */
static void a_chain_needs_its_beginning(void **state)
{
	(void)state;
	for (uint32_t kind = COMPRESSION_ZLIB; kind <= COMPRESSION_ZSTD; kind++) {
		struct bytes part = bytes_make(text, 5000);
		struct compressor *compressor;
		uint8_t *frame, *at;
		size_t len, room, message_len;
		const uint8_t *message;

		assert_int_equal(compressor_create(&compressor, kind | COMPRESSION_PREVIOUS), 0);
		assert_int_equal(frame_encode_with(&part, 1, compressor, &frame, &len), 0);
		free(frame);
		assert_int_equal(frame_encode_with(&part, 1, compressor, &frame, &len), 0);
		assert_int_equal(frame[0], 3);
		for (unsigned i = 0; i < 4; i++) { /* reader that keeps or not, with flags as they were or bent */
			frame_reader_finish(&reader);
			if (i & 1)
				frame_reader_keep_previous(&reader);
			frame[0] = i & 2 ? 2 : 3;
			assert_int_equal(frame_reader_space(&reader, &at, &room), 0);
			assert_true(len <= room);
			memcpy(at, frame, len);
			frame_reader_filled(&reader, len);
			assert_int_equal(frame_reader_next(&reader, &message, &message_len), -EBADMSG);
		}
		frame_reader_finish(&reader);
		free(frame);
		compressor_destroy(compressor);
	}
}

static void another_peer_may_take_another_kind(void **state)
{
	struct compressor *compressor = NULL, *before;
	struct bytes part = bytes_make(text, 5000);
	uint8_t *frame;
	size_t len;

	(void)state;
	compressor_choose(&compressor, 0);
	assert_int_equal(compressor_kind(compressor), COMPRESSION_ZLIB);
	before = compressor;
	compressor_choose(&compressor, COMPRESSION_ZLIB);
	assert_ptr_equal(compressor, before); /* kept */
	compressor_choose(&compressor, COMPRESSIONS_ALL);
	assert_int_equal(compressor_kind(compressor), COMPRESSION_ZSTD);
	before = compressor;
	compressor_remember(compressor, &(struct bytes){"text", 4}, 1, false);
	compressor_choose(&compressor, COMPRESSIONS_ALL); /* another connection: its receiver has no message before */
	assert_ptr_equal(compressor, before);
	assert_int_equal(frame_encode_with(&part, 1, compressor, &frame, &len), 0);
	assert_int_equal(frame[0], 1);
	free(frame);
	compressor_destroy(compressor);
}

/* A frame as ZSTD_compress makes it, which says its length. */
static size_t zstd_frame(uint8_t *to, size_t room, const void *from, size_t len)
{
	size_t written = ZSTD_compress(to, room, from, len, 1);

	assert_false(ZSTD_isError(written));
	return written;
}

static void broken_zstd_is_refused(void **state)
{
	static uint8_t frame[TEXT_BYTES];
	size_t len = zstd_frame(frame, sizeof(frame) - 8, text, sizeof(text));

	(void)state;
	for (size_t cut = 4; cut < len; cut += 13)
		assert_int_equal(refusal_of(frame, cut), -EBADMSG);
	memcpy(frame + len, "more", 4); /* bytes behind the frame are nobody's message */
	assert_int_equal(refusal_of(frame, len + 4), -EBADMSG);
	for (size_t at = 4; at < len; at += 97) {
		int r;

		frame[at] ^= 0x55;
		r = refusal_of(frame, len);
		assert_true(r == 0 || r == -EBADMSG || r == -EMSGSIZE); /* without a checksum some damage is another message */
		frame[at] ^= 0x55;
	}
}

/* The length stands in bytes 5 to 8 of a frame in one segment: what a liar writes there is not believed. */
static void a_length_must_be_possible(void **state)
{
	static uint8_t zeros[FRAME_INFLATED_MAX + 1], frame[1 << 20];
	const uint8_t *message;
	size_t len = zstd_frame(frame, sizeof(frame), zeros, FRAME_INFLATED_MAX), message_len;
	static const uint8_t lie[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0x00, 0x01, 0x00, 0x00};

	(void)state;
	assert_int_equal(next_of(frame, len, &message, &message_len), 0);
	assert_int_equal(message_len, FRAME_INFLATED_MAX);
	len = zstd_frame(frame, sizeof(frame), zeros, sizeof(zeros));
	assert_int_equal(refusal_of(frame, len), -EMSGSIZE);
	assert_int_equal(refusal_of(lie, sizeof(lie)), -EBADMSG); /* 16 MiB out of twelve bytes */
}

/* A stream whose length is told only by its end is not taken: its reader would need a window. */
static void a_length_must_be_told(void **state)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	uint8_t frame[4096];
	size_t len;

	(void)state;
	assert_non_null(context);
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
	len = ZSTD_compress2(context, frame, sizeof(frame), text, 1000);
	assert_false(ZSTD_isError(len));
	assert_int_equal(refusal_of(frame, len), -EBADMSG);
	(void)ZSTD_freeCCtx(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zlib_comes_back),
		cmocka_unit_test(zstd_comes_back),
		cmocka_unit_test(what_does_not_shrink_goes_as_it_is),
		cmocka_unit_test(another_peer_may_take_another_kind),
		cmocka_unit_test(a_chain_comes_back),
		cmocka_unit_test(a_short_message_gives_the_memory_back),
		cmocka_unit_test(a_chain_needs_its_beginning),
		cmocka_unit_test(broken_zstd_is_refused),
		cmocka_unit_test(a_length_must_be_possible),
		cmocka_unit_test(a_length_must_be_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
