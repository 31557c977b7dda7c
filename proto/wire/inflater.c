/* SPDX-License-Identifier: Apache-2.0 */
/* zlib and zstd both go on where they stopped, however the message's memory has moved meanwhile. What they keep goes with the message: kept for the
 * next one, it would be the largest thing that an idle connection holds. */
#include "proto/wire/inflater.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "proto/wire/compressor.h"
#include "proto/wire/reserve.h"

#define ZLIB_GROWTH 4u                        /* times the compressed bytes: room to begin with */
#define ZLIB_BYTES ((size_t)40 * 1024)        /* its state and its window */
#define ZSTD_BYTES ((size_t)288 * 1024)       /* its context and a block on its way in and out; the window comes on top */
#define ZSTD_INFLATION_MAX 32768u             /* times: a block of four bytes stands for 128 KiB at most (RFC 8878) */

struct inflater {
	size_t max;         /* bytes of the message; zstd: what it tells */
	ZSTD_DCtx *context; /* owned; NULL: zlib */
	size_t taken;       /* compressed bytes; zlib's own count leaves out those before a dictionary */
	z_stream zlib;
};

static int create_zstd(struct inflater *inflater, struct bytes compressed, struct bytes previous)
{
	unsigned long long size = ZSTD_getFrameContentSize(compressed.data, compressed.len);

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
	    ZSTD_findFrameCompressedSize(compressed.data, compressed.len) != compressed.len || size / ZSTD_INFLATION_MAX > compressed.len)
		return -EBADMSG;
	if (size > inflater->max)
		return -EMSGSIZE;
	inflater->max = (size_t)size;
	inflater->context = ZSTD_createDCtx();
	if (!inflater->context)
		return -ENOMEM;
	if (previous.len && ZSTD_isError(ZSTD_DCtx_refPrefix(inflater->context, previous.data, previous.len))) {
		(void)ZSTD_freeDCtx(inflater->context);
		return -ENOMEM; /* the context is new: it wants nothing else */
	}
	return 0;
}

int inflater_create(struct inflater **ret, struct bytes compressed, struct bytes previous, size_t max)
{
	struct inflater *inflater = calloc(1, sizeof(*inflater));
	int r;

	if (!inflater)
		return -ENOMEM;
	inflater->max = max;
	if (compressor_is_zstd((const uint8_t *)compressed.data, compressed.len))
		r = create_zstd(inflater, compressed, previous);
	else
		r = inflateInit(&inflater->zlib) == Z_OK ? 0 : -ENOMEM;
	if (r < 0) {
		free(inflater);
		return r;
	}
	*ret = inflater;
	return 0;
}

/* To the end of the stream or to end bytes of the message. */
static int run_zlib(struct inflater *inflater, struct bytes compressed, struct bytes previous, size_t end, struct inflated *message)
{
	z_stream *z = &inflater->zlib;
	int r;

	z->next_in = (Bytef *)(uintptr_t)compressed.data + inflater->taken;
	z->avail_in = (uInt)(compressed.len - inflater->taken);
	z->next_out = message->data + message->len;
	z->avail_out = (uInt)(end - message->len);
	r = inflate(z, Z_FINISH);
	if (r == Z_NEED_DICT && previous.len) {
		r = inflateSetDictionary(z, (const Bytef *)previous.data, (uInt)previous.len);
		if (r == Z_OK)
			r = inflate(z, Z_FINISH);
	}
	inflater->taken = compressed.len - z->avail_in;
	message->len = end - z->avail_out;
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (r == Z_STREAM_END)
		return z->avail_in == 0 ? 0 : -EBADMSG; /* bytes behind the stream are nobody's message */
	return (r == Z_OK || r == Z_BUF_ERROR) && z->avail_out == 0 ? INFLATER_E_MORE : -EBADMSG;
}

/* Likewise. Whole in one slice, zstd needs no window beside the message. */
static int run_zstd(struct inflater *inflater, struct bytes compressed, size_t end, struct inflated *message)
{
	ZSTD_inBuffer in = {compressed.data, compressed.len, inflater->taken};
	ZSTD_outBuffer out = {message->data, end, message->len};
	size_t r = ZSTD_decompressStream(inflater->context, &out, &in);

	inflater->taken = in.pos;
	message->len = out.pos;
	if (ZSTD_isError(r))
		return ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
	if (r == 0)
		return in.pos == in.size && out.pos == inflater->max ? 0 : -EBADMSG;
	return out.pos == out.size && out.pos < inflater->max ? INFLATER_E_MORE : -EBADMSG;
}

/* The room to have now: zlib does not know beforehand how much it needs. */
static size_t next_room(const struct inflater *inflater, struct bytes compressed, size_t slice_end, const struct inflated *message)
{
	size_t room = slice_end;

	if (!inflater->context && message->capacity == 0)
		room = compressed.len * ZLIB_GROWTH;
	else if (!inflater->context)
		room = message->len < message->capacity ? message->capacity : message->capacity * 2;
	return room < slice_end ? room : slice_end;
}

int inflater_run(struct inflater *inflater, struct bytes compressed, struct bytes previous, size_t slice, struct inflated *message)
{
	size_t slice_end = slice && slice < inflater->max - message->len ? message->len + slice : inflater->max;
	size_t end;
	int r;

	do {
		r = reserve(&message->data, &message->capacity, next_room(inflater, compressed, slice_end, message));
		if (r < 0)
			return r;
		end = message->capacity < slice_end ? message->capacity : slice_end;
		r = inflater->context ? run_zstd(inflater, compressed, end, message)
				      : run_zlib(inflater, compressed, previous, end, message);
	} while (r == INFLATER_E_MORE && end < slice_end);
	return r == INFLATER_E_MORE && end >= inflater->max ? -EMSGSIZE : r;
}

size_t inflater_memory(const struct inflater *inflater)
{
	return inflater->context ? ZSTD_BYTES + inflater->max : ZLIB_BYTES;
}

void inflater_destroy(struct inflater *inflater)
{
	if (!inflater)
		return;
	if (inflater->context)
		(void)ZSTD_freeDCtx(inflater->context);
	else
		(void)inflateEnd(&inflater->zlib);
	free(inflater);
}
