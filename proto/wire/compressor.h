/* SPDX-License-Identifier: Apache-2.0 */
/* Compression of what a sender frames. Its state is kept from message to message, since making it anew costs as much as compressing some
 * hundred events. Which kinds a receiver takes it says in its Welcome; each compressed message tells its kind by its own first bytes. */
#ifndef CANOPY_PROTO_WIRE_COMPRESSOR_H
#define CANOPY_PROTO_WIRE_COMPRESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

/* Bits of Welcome.compressions. */
enum compression {
	COMPRESSION_ZLIB = 1, /* every receiver takes it, also one that says nothing */
	COMPRESSION_ZSTD = 2,
	COMPRESSION_PREVIOUS = 4, /* beside either: a message may be told by those before it, docs/adr/previous-messages.md */
};
#define COMPRESSIONS_ALL (COMPRESSION_ZLIB | COMPRESSION_ZSTD | COMPRESSION_PREVIOUS)
#define COMPRESSION_PREVIOUS_MAX 16384u /* bytes of them that count, the last ones: what both ends have to keep */

struct compressor;

/* The cheapest of the kinds in accepted, by the help of the messages before where that is in it. One thread. Errors: -ENOMEM. */
int compressor_create(struct compressor **ret, uint32_t accepted);
void compressor_destroy(struct compressor *compressor); /* takes NULL */
/* The same for a connection that begins, to a peer that may differ from the one before: *compressor is kept where it is right, and forgets the messages
 * before. NULL without memory: nothing is compressed then. */
void compressor_choose(struct compressor **compressor, uint32_t accepted);
enum compression compressor_kind(const struct compressor *compressor);

/* Compresses the parts, one after the other, into at most room bytes. Returns the length, or 0 when there is not room enough, or no memory. *ret_previous
 * tells whether the receiver needs the messages before. */
size_t compressor_run(struct compressor *compressor, const struct bytes *parts, size_t count, uint8_t *to, size_t room, bool *ret_previous);

/* A message that was sent by the help of those before it goes behind them, any other one takes their place. Every message of the connection has to be
 * told, or all be forgotten: the next one then stands alone. */
void compressor_remember(struct compressor *compressor, const struct bytes *parts, size_t count, bool previous);
void compressor_forget(struct compressor *compressor);

/* Whether a compressed message is of zstd's kind; of zlib's otherwise. */
int compressor_is_zstd(const uint8_t *data, size_t len);

#endif
