/* SPDX-License-Identifier: Apache-2.0 */
/* In slices of any size a message comes out as at once, wherever its compressed bytes have moved meanwhile; what is cut off or goes on is refused in
 * slices, too, and what becomes too much is refused before it is there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "proto/wire/inflater.h"

#define TEXT_BYTES 300000u
#define ROOM (TEXT_BYTES + 1000)

enum kind { ZLIB, ZSTD, ZSTD_CHECKED };
#define KINDS 3

static char text[TEXT_BYTES];
static uint8_t compressed[ROOM];

static bool no_memory; /* for what a message is to be inflated by the help of */

size_t __real_ZSTD_DCtx_refPrefix(ZSTD_DCtx *context, const void *prefix, size_t len);
size_t __wrap_ZSTD_DCtx_refPrefix(ZSTD_DCtx *context, const void *prefix, size_t len);
size_t __wrap_ZSTD_DCtx_refPrefix(ZSTD_DCtx *context, const void *prefix, size_t len)
{
	return no_memory ? (size_t)-ZSTD_error_memory_allocation : __real_ZSTD_DCtx_refPrefix(context, prefix, len);
}

int __real_inflateSetDictionary(z_stream *z, const Bytef *dictionary, uInt len);
int __wrap_inflateSetDictionary(z_stream *z, const Bytef *dictionary, uInt len);
int __wrap_inflateSetDictionary(z_stream *z, const Bytef *dictionary, uInt len)
{
	return no_memory ? Z_MEM_ERROR : __real_inflateSetDictionary(z, dictionary, len);
}

static int setup(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) { /* neither noise nor too easy */
		x = x * 1664525u + 1013904223u;
		text[i] = (char)('a' + (i / 7 % 5 + (x >> 30)));
	}
	return 0;
}

static size_t compress_zlib(size_t len, struct bytes previous)
{
	z_stream zip = {.next_in = (Bytef *)text, .avail_in = (uInt)len, .next_out = compressed, .avail_out = sizeof(compressed)};

	assert_int_equal(deflateInit(&zip, 6), Z_OK);
	if (previous.len)
		assert_int_equal(deflateSetDictionary(&zip, (const Bytef *)previous.data, previous.len), Z_OK);
	assert_int_equal(deflate(&zip, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&zip), Z_OK);
	return zip.total_out;
}

static size_t compress_zstd(size_t len, struct bytes previous, int checked)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t written;

	assert_non_null(context);
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checked);
	(void)ZSTD_CCtx_refPrefix(context, previous.data, previous.len);
	written = ZSTD_compress2(context, compressed, sizeof(compressed), text, len);
	assert_false(ZSTD_isError(written));
	(void)ZSTD_freeCCtx(context);
	return written;
}

static size_t compress_text(enum kind kind, size_t len, struct bytes previous)
{
	return kind == ZLIB ? compress_zlib(len, previous) : compress_zstd(len, previous, kind == ZSTD_CHECKED);
}

/* Each slice finds the compressed bytes at another place. Returns the result of the last one. */
static int inflate_sliced(size_t len, struct bytes previous, size_t max, size_t slice, struct inflated *message)
{
	struct inflater *inflater = NULL;
	uint8_t *place = malloc(len ? len : 1);
	int r;

	assert_non_null(place);
	memcpy(place, compressed, len);
	r = inflater_create(&inflater, bytes_make(place, len), previous, max);
	while (r == 0) {
		size_t before = message->len;
		uint8_t *moved = malloc(len ? len : 1);

		assert_non_null(moved);
		memcpy(moved, place, len);
		free(place);
		place = moved;
		r = inflater_run(inflater, bytes_make(place, len), previous, slice, message);
		if (slice)
			assert_true(message->len - before <= slice);
		if (r != INFLATER_E_MORE)
			break;
		assert_int_equal(message->len - before, slice);
		assert_true(inflater_memory(inflater) > 0);
		r = 0;
	}
	inflater_destroy(inflater);
	free(place);
	return r;
}

static void comes_back(enum kind kind, size_t len, struct bytes previous, size_t slice)
{
	struct inflated message = {0};
	size_t compressed_len = compress_text(kind, len, previous);

	assert_int_equal(inflate_sliced(compressed_len, previous, len, slice, &message), 0);
	assert_int_equal(message.len, len);
	if (len)
		assert_memory_equal(message.data, text, len);
	free(message.data);
}

static void slices_of_any_size_make_the_message(void **state)
{
	static const size_t lens[] = {0, 1, 100, 16384, 20000, TEXT_BYTES};
	static const size_t slices[] = {0, 1000, 16384, 65536, 99999, TEXT_BYTES};
	struct bytes previous = bytes_make(text + 1000, 16384);

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
			for (size_t k = 0; k < sizeof(slices) / sizeof(*slices); k++) {
				comes_back(kind, lens[i], BYTES_NULL, slices[k]);
				if (lens[i])
					comes_back(kind, lens[i], previous, slices[k]);
			}
		}
		comes_back(kind, 100, BYTES_NULL, 1);
	}
}

static void what_is_cut_off_or_goes_on_is_refused(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t len = compress_text(kind, 3000, BYTES_NULL);

		for (size_t cut = 0; cut < len; cut++) {
			struct inflated message = {0};

			assert_int_equal(inflate_sliced(cut, BYTES_NULL, 4000, 1000, &message), -EBADMSG);
			free(message.data);
		}
		compressed[len] = 0;
		for (size_t slice = 0; slice <= 1000; slice += 1000) {
			struct inflated message = {0};

			assert_int_equal(inflate_sliced(len + 1, BYTES_NULL, 4000, slice, &message), -EBADMSG);
			free(message.data);
		}
	}
}

static void what_becomes_too_much_is_refused_in_time(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t len = compress_text(kind, TEXT_BYTES, BYTES_NULL);

		for (size_t slice = 0; slice <= 5000; slice += 5000) {
			struct inflated message = {0};

			assert_int_equal(inflate_sliced(len, BYTES_NULL, 20000, slice, &message), -EMSGSIZE);
			assert_true(message.capacity <= 32768);
			free(message.data);
		}
	}
}

static void another_dictionary_is_refused(void **state)
{
	struct bytes wrong = bytes_make(text + 7, 5000);

	(void)state;
	for (size_t slice = 0; slice <= 1000; slice += 1000) {
		size_t len = compress_text(ZLIB, 20000, bytes_make(text + 1000, 16384));
		struct inflated message = {0};

		assert_int_equal(inflate_sliced(len, wrong, 20000, slice, &message), -EBADMSG);
		assert_int_equal(inflate_sliced(len, BYTES_NULL, 20000, slice, &message), -EBADMSG);
		free(message.data);
	}
}

static void want_of_memory_is_not_the_fault_of_the_peer(void **state)
{
	struct bytes previous = bytes_make(text + 1000, 16384);

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t len = compress_text(kind, 20000, previous);
		struct inflated message = {0};

		no_memory = true;
		assert_int_equal(inflate_sliced(len, previous, 20000, 0, &message), -ENOMEM);
		no_memory = false;
		free(message.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slices_of_any_size_make_the_message),
	    cmocka_unit_test(what_is_cut_off_or_goes_on_is_refused),
	    cmocka_unit_test(what_becomes_too_much_is_refused_in_time),
	    cmocka_unit_test(another_dictionary_is_refused),
	    cmocka_unit_test(want_of_memory_is_not_the_fault_of_the_peer),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
