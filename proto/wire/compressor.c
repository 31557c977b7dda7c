/* SPDX-License-Identifier: Apache-2.0 */
/* zlib is spoken by everyone; zstd at its level 1 makes batches as small in a fifth of the time (docs/adr/zstd.md). zstd is given the message in one
 * piece: its streaming form would copy it too, and keep a window beside. */
#include "proto/wire/compressor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#define LEVEL 1              /* of either kind: more costs more than it saves */
#define JOINED_KEEP 262144u  /* bytes for joined parts that are kept: of any usual batch */

struct compressor {
	enum compression kind;
	z_stream z;
	ZSTD_CCtx *zstd;
	uint8_t *joined; /* owned */
	size_t joined_size;
	uint8_t *previous; /* owned, COMPRESSION_PREVIOUS_MAX bytes; NULL: the peer does not keep messages */
	size_t previous_len;
};

static enum compression cheapest(uint32_t accepted)
{
	return accepted & COMPRESSION_ZSTD ? COMPRESSION_ZSTD : COMPRESSION_ZLIB;
}

int compressor_create(struct compressor **ret, uint32_t accepted)
{
	struct compressor *compressor = calloc(1, sizeof(*compressor));
	bool made;

	if (!compressor)
		return -ENOMEM;
	compressor->kind = cheapest(accepted);
	if (compressor->kind == COMPRESSION_ZSTD)
		made = (compressor->zstd = ZSTD_createCCtx());
	else
		made = deflateInit(&compressor->z, LEVEL) == Z_OK;
	if (!made) {
		free(compressor);
		return -ENOMEM;
	}
	if (accepted & COMPRESSION_PREVIOUS)
		compressor->previous = malloc(COMPRESSION_PREVIOUS_MAX); /* without memory each message is compressed by itself */
	*ret = compressor;
	return 0;
}

void compressor_destroy(struct compressor *compressor)
{
	if (!compressor)
		return;
	if (compressor->kind == COMPRESSION_ZLIB)
		(void)deflateEnd(&compressor->z);
	(void)ZSTD_freeCCtx(compressor->zstd);
	free(compressor->joined);
	free(compressor->previous);
	free(compressor);
}

static bool suits(const struct compressor *compressor, uint32_t accepted)
{
	return compressor->kind == cheapest(accepted) && !compressor->previous == !(accepted & COMPRESSION_PREVIOUS);
}

void compressor_choose(struct compressor **compressor, uint32_t accepted)
{
	if (*compressor && suits(*compressor, accepted)) {
		compressor_forget(*compressor);
		return;
	}
	compressor_destroy(*compressor);
	*compressor = NULL;
	(void)compressor_create(compressor, accepted);
}

enum compression compressor_kind(const struct compressor *compressor)
{
	return compressor->kind;
}

int compressor_is_zstd(const uint8_t *data, size_t len)
{
	/* No zlib stream begins so: its first two bytes are divisible by 31 (RFC 1950). */
	static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

	return len >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
}

static size_t run_zlib(struct compressor *compressor, const struct bytes *parts, size_t count, uint8_t *to, size_t room)
{
	z_stream *z = &compressor->z;
	int r = deflateReset(z);

	if (r == Z_OK && compressor->previous_len)
		r = deflateSetDictionary(z, compressor->previous, (uInt)compressor->previous_len);
	z->next_out = to;
	z->avail_out = (uInt)room;
	for (size_t i = 0; i < count && r == Z_OK; i++) {
		z->next_in = (Bytef *)(uintptr_t)parts[i].data;
		z->avail_in = parts[i].len;
		if (parts[i].len || i + 1 == count) /* with nothing to do deflate calls it an error */
			r = deflate(z, i + 1 < count ? Z_NO_FLUSH : Z_FINISH);
		if (r == Z_OK && z->avail_in > 0)
			r = Z_BUF_ERROR; /* the room is used up */
	}
	return r == Z_STREAM_END ? z->total_out : 0;
}

/* The parts in one piece, or NULL without memory. */
static const uint8_t *join(struct compressor *compressor, const struct bytes *parts, size_t count, size_t *ret_len)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += parts[i].len;
	if (total > compressor->joined_size || compressor->joined_size > JOINED_KEEP) {
		free(compressor->joined);
		compressor->joined_size = total > JOINED_KEEP ? total : JOINED_KEEP;
		compressor->joined = malloc(compressor->joined_size);
	}
	if (!compressor->joined) {
		compressor->joined_size = 0;
		return NULL;
	}
	*ret_len = 0;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len)
			memcpy(compressor->joined + *ret_len, parts[i].data, parts[i].len);
		*ret_len += parts[i].len;
	}
	return compressor->joined;
}

static size_t run_zstd(struct compressor *compressor, const struct bytes *parts, size_t count, uint8_t *to, size_t room)
{
	const uint8_t *from = count ? (const uint8_t *)parts[0].data : to;
	size_t len = count ? parts[0].len : 0, written;

	if (count > 1)
		from = join(compressor, parts, count, &len);
	if (!from)
		return 0;
	if (!compressor->previous_len) {
		written = ZSTD_compressCCtx(compressor->zstd, to, room, from, len, LEVEL);
		return ZSTD_isError(written) ? 0 : written;
	}
	(void)ZSTD_CCtx_reset(compressor->zstd, ZSTD_reset_session_only);
	(void)ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_compressionLevel, LEVEL);
	(void)ZSTD_CCtx_refPrefix(compressor->zstd, compressor->previous, compressor->previous_len); /* for this message alone */
	written = ZSTD_compress2(compressor->zstd, to, room, from, len);
	return ZSTD_isError(written) ? 0 : written;
}

void compressor_forget(struct compressor *compressor)
{
	compressor->previous_len = 0;
}

/* Adds a part behind what is remembered, whose beginning goes where there is not room for all. */
static void remember_part(struct compressor *compressor, const char *data, size_t len)
{
	size_t keep = compressor->previous_len;

	if (len > COMPRESSION_PREVIOUS_MAX) {
		data += len - COMPRESSION_PREVIOUS_MAX;
		len = COMPRESSION_PREVIOUS_MAX;
	}
	if (keep > COMPRESSION_PREVIOUS_MAX - len)
		keep = COMPRESSION_PREVIOUS_MAX - len;
	memmove(compressor->previous, compressor->previous + compressor->previous_len - keep, keep);
	memcpy(compressor->previous + keep, data, len);
	compressor->previous_len = keep + len;
}

void compressor_remember(struct compressor *compressor, const struct bytes *parts, size_t count, bool previous)
{
	if (!previous)
		compressor_forget(compressor);
	for (size_t i = 0; compressor->previous && i < count; i++)
		if (parts[i].len)
			remember_part(compressor, parts[i].data, parts[i].len);
}

size_t compressor_run(struct compressor *compressor, const struct bytes *parts, size_t count, uint8_t *to, size_t room, bool *ret_previous)
{
	*ret_previous = compressor->previous_len > 0;
	if (compressor->kind == COMPRESSION_ZSTD)
		return run_zstd(compressor, parts, count, to, room);
	return run_zlib(compressor, parts, count, to, room);
}
