/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "proto/wire/frame.h"

static struct frame_reader reader;

static int setup(void **state)
{
	(void)state;
	frame_reader_init(&reader, FRAME_BYTES_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	frame_reader_finish(&reader);
	return 0;
}

/* As a socket would: in pieces of at most step bytes. */
static void feed(const uint8_t *data, size_t len, size_t step)
{
	while (len > 0) {
		uint8_t *at;
		size_t room;

		assert_int_equal(frame_reader_space(&reader, &at, &room), 0);
		assert_true(room > 0);
		room = room < step ? room : step;
		room = room < len ? room : len;
		memcpy(at, data, room);
		frame_reader_filled(&reader, room);
		data += room;
		len -= room;
	}
}

static void expect_message(const void *message, size_t len)
{
	const uint8_t *got;
	size_t got_len;

	assert_int_equal(frame_reader_next(&reader, &got, &got_len), 0);
	assert_int_equal(got_len, len);
	if (len)
		assert_memory_equal(got, message, len);
}

static int next(void)
{
	const uint8_t *message;
	size_t len;

	return frame_reader_next(&reader, &message, &len);
}

static void test_header_is_grpcs(void **state)
{
	static const uint8_t expected[] = {0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};
	struct bytes parts[] = {{"he", 2}, {NULL, 0}, {"llo", 3}};
	uint8_t *frame;
	size_t len;

	(void)state;
	assert_int_equal(frame_encode(parts, 3, true, &frame, &len), 0);
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(frame, expected, len);
	free(frame);
}

static void test_frames_in_pieces(void **state)
{
	static const uint8_t stream[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'z'};

	(void)state;
	for (size_t step = 1; step <= sizeof(stream); step++) {
		unsigned messages = 0;

		for (size_t at = 0; at < sizeof(stream); at += step) {
			int r;

			feed(stream + at, step < sizeof(stream) - at ? step : sizeof(stream) - at, step);
			while ((r = next()) == 0)
				messages++;
			assert_int_equal(r, FRAME_E_MORE);
		}
		assert_int_equal(messages, 3);
	}
	feed(stream, sizeof(stream), sizeof(stream));
	expect_message("abc", 3);
	expect_message("", 0);
	expect_message("z", 1);
	assert_int_equal(next(), FRAME_E_MORE);
}

static char *compressible(size_t len)
{
	char *text = malloc(len);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i / 7 % 5);
	return text;
}

static void test_compressed_round_trip(void **state)
{
	static const size_t sizes[] = {FRAME_COMPRESS_MIN, 1000, 65536, 1000000, FRAME_BYTES_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text = compressible(sizes[i]);
		struct bytes parts[] = {bytes_make(text, sizes[i] / 3),
					bytes_make(text + sizes[i] / 3, sizes[i] - sizes[i] / 3)};
		uint8_t *frame;
		size_t len;

		assert_int_equal(frame_encode(parts, 2, true, &frame, &len), 0);
		assert_int_equal(frame[0], 1);
		assert_true(len < sizes[i] / 2);
		feed(frame, len, 1009);
		expect_message(text, sizes[i]);
		assert_int_equal(next(), FRAME_E_MORE);
		free(frame);
		free(text);
	}
}

/* What zlib would make longer travels as it is. */
static void test_incompressible_is_sent_plain(void **state)
{
	uint8_t noise[4096], *frame;
	struct bytes part = bytes_make(noise, sizeof(noise));
	uint32_t x = 1;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
	assert_int_equal(frame_encode(&part, 1, true, &frame, &len), 0);
	assert_int_equal(frame[0], 0);
	assert_int_equal(len, FRAME_HEADER_BYTES + sizeof(noise));
	feed(frame, len, len);
	expect_message(noise, sizeof(noise));
	free(frame);
}

static void test_too_long_to_send(void **state)
{
	char *text = compressible(FRAME_BYTES_MAX);
	struct bytes parts[] = {bytes_make(text, FRAME_BYTES_MAX), {"x", 1}};
	uint8_t *frame = NULL;
	size_t len;

	(void)state;
	assert_int_equal(frame_encode(parts, 2, true, &frame, &len), -EMSGSIZE);
	assert_null(frame);
	free(text);
}

static void test_unknown_flags(void **state)
{
	static const uint8_t first = 2;

	(void)state;
	feed(&first, 1, 1);
	assert_int_equal(next(), -EBADMSG); /* known from the first byte on */
}

static void test_length_bound(void **state)
{
	static const uint8_t over[] = {0, 0, 0, 0x10, 1}, at[] = {0, 0, 0, 0x10, 0};

	(void)state;
	frame_reader_finish(&reader);
	frame_reader_init(&reader, 4096);
	feed(at, sizeof(at), 5);
	assert_int_equal(next(), FRAME_E_MORE);
	frame_reader_finish(&reader);
	feed(over, sizeof(over), 5);
	assert_int_equal(next(), -EMSGSIZE);
}

/* A header that promises megabytes must not cost megabytes. */
static void test_memory_follows_what_came(void **state)
{
	static const uint8_t header[] = {0, 0, 0x3f, 0xff, 0xff};

	(void)state;
	feed(header, sizeof(header), 5);
	assert_int_equal(next(), FRAME_E_MORE);
	assert_in_range(frame_reader_memory(&reader), 1, 65536);
}

/* A peer that falls silent behind a large frame holds nothing of it. */
static void test_memory_goes_back(void **state)
{
	char *text = compressible(2000000);
	struct bytes large = bytes_make(text, 2000000);
	uint8_t *frame;
	size_t len;

	(void)state;
	for (int compress = 0; compress < 2; compress++) {
		assert_int_equal(frame_encode(&large, 1, compress, &frame, &len), 0);
		feed(frame, len, 65536);
		expect_message(text, 2000000);
		assert_true(frame_reader_memory(&reader) >= 2000000);
		assert_int_equal(next(), FRAME_E_MORE);
		assert_int_equal(frame_reader_memory(&reader), 0);
		free(frame);
	}
	free(text);
}

/* Nor does one that has sent a few bytes more. */
static void test_a_beginning_holds_little(void **state)
{
	static const uint8_t begin[] = {0, 0, 0, 0, 20, 'a', 'b'};
	char *text = compressible(2000000);
	struct bytes large = bytes_make(text, 2000000), small = BYTES_LITERAL("abcdefghijklmnopqrst");
	uint8_t *frame;
	size_t len;

	(void)state;
	assert_int_equal(frame_encode(&large, 1, false, &frame, &len), 0);
	feed(frame, len, 65536);
	free(frame);
	feed(begin, sizeof(begin), sizeof(begin));
	expect_message(text, 2000000);
	assert_int_equal(next(), FRAME_E_MORE);
	assert_in_range(frame_reader_memory(&reader), 1, 16384);
	feed((const uint8_t *)small.data + 2, small.len - 2, 7);
	expect_message(small.data, small.len);
	assert_int_equal(next(), FRAME_E_MORE);
	free(text);
}

/* Puts a zlib stream of plain behind a header; extra bytes of garbage follow it within the frame. */
static void feed_zlib(const void *plain, size_t plain_len, size_t cut, size_t extra)
{
	uLongf len = compressBound((uLong)plain_len);
	uint8_t *frame = calloc(1, FRAME_HEADER_BYTES + len + extra);

	assert_non_null(frame);
	assert_int_equal(compress2(frame + FRAME_HEADER_BYTES, &len, plain, (uLong)plain_len, 9), Z_OK);
	len = len - cut + extra;
	frame[0] = 1;
	for (unsigned i = 0; i < 4; i++)
		frame[1 + i] = (uint8_t)(len >> (24 - 8 * i));
	feed(frame, FRAME_HEADER_BYTES + len, 65536);
	free(frame);
}

static void test_zip_bomb(void **state)
{
	char *zeros = calloc(1, FRAME_INFLATED_MAX + 1);

	(void)state;
	assert_non_null(zeros);
	feed_zlib(zeros, FRAME_INFLATED_MAX, 0, 0);
	expect_message(zeros, FRAME_INFLATED_MAX);
	feed_zlib(zeros, FRAME_INFLATED_MAX + 1, 0, 0);
	assert_int_equal(next(), -EMSGSIZE);
	assert_true(frame_reader_memory(&reader) <= 2u * FRAME_INFLATED_MAX);
	free(zeros);
}

/* Its owner may want less, of both formats and whatever memory is there already. */
static void test_inflated_max(void **state)
{
	char *text = compressible(100000);
	struct bytes part = bytes_make(text, 100000);
	struct compressor *zstd;
	uint8_t *frame;
	size_t len;

	(void)state;
	assert_int_equal(compressor_create(&zstd, COMPRESSION_ZSTD), 0);
	for (int i = 0; i < 2; i++) {
		for (size_t over = 0; over < 2; over++) {
			reader.inflated_max = 100000 - over;
			assert_int_equal(frame_encode_with(&part, 1, i ? zstd : NULL, &frame, &len), 0);
			if (i)
				feed(frame, len, len);
			else
				feed_zlib(text, 100000, 0, 0);
			if (over)
				assert_int_equal(next(), -EMSGSIZE);
			else
				expect_message(text, 100000);
			free(frame);
		}
		frame_reader_finish(&reader);
	}
	compressor_destroy(zstd);
	free(text);
}

static void test_broken_zlib(void **state)
{
	char *text = compressible(5000);

	(void)state;
	feed_zlib(text, 5000, 1, 0);
	assert_int_equal(next(), -EBADMSG);
	frame_reader_finish(&reader);
	feed_zlib(text, 5000, 0, 1);
	assert_int_equal(next(), -EBADMSG);
	frame_reader_finish(&reader);
	feed_zlib(text, 0, 0, 0);
	expect_message("", 0);
	feed((const uint8_t[]){1, 0, 0, 0, 4, 'n', 'o', 'p', 'e'}, 9, 9);
	assert_int_equal(next(), -EBADMSG);
	frame_reader_finish(&reader);
	feed((const uint8_t[]){1, 0, 0, 0, 0}, 5, 5);
	assert_int_equal(next(), -EBADMSG);
	free(text);
}

/* Slice by slice, from the beginning once more, and to the end; what waits holds nothing of it. */
static void test_long_messages_pause(void **state)
{
	enum { LEN = 1000000, SLICE = 100000 };
	char *text = compressible(LEN);
	struct bytes part = bytes_make(text, LEN);
	unsigned pauses = 0;
	uint8_t *frame;
	size_t len, before;

	(void)state;
	assert_int_equal(frame_encode(&part, 1, true, &frame, &len), 0);
	reader.slice = SLICE;
	feed(frame, len, len);
	before = frame_reader_memory(&reader);
	assert_int_equal(next(), FRAME_E_PAUSED);
	assert_true(frame_reader_memory(&reader) > before + SLICE);
	frame_reader_begin_anew(&reader);
	assert_int_equal(frame_reader_memory(&reader), before);
	for (; pauses < LEN / SLICE - 1; pauses++)
		assert_int_equal(next(), FRAME_E_PAUSED);
	feed(frame, len, len); /* what comes behind it meanwhile moves it */
	expect_message(text, LEN);
	frame_reader_begin_anew(&reader); /* of the second one: nothing has begun */
	reader.slice = 0;
	expect_message(text, LEN);
	assert_int_equal(next(), FRAME_E_MORE);
	free(frame);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_header_is_grpcs),
		TEST(test_frames_in_pieces),
		TEST(test_compressed_round_trip),
		TEST(test_incompressible_is_sent_plain),
		TEST(test_too_long_to_send),
		TEST(test_unknown_flags),
		TEST(test_length_bound),
		TEST(test_memory_follows_what_came),
		TEST(test_memory_goes_back),
		TEST(test_long_messages_pause),
		TEST(test_a_beginning_holds_little),
		TEST(test_zip_bomb),
		TEST(test_inflated_max),
		TEST(test_broken_zlib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
