/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's length-prefixed message ('Length-Prefixed-Message' of PROTOCOL-HTTP2.md in grpc/grpc): one flag byte (bit 0:
 * compressed; bit 1, ours: by the help of the messages before it), four bytes of big-endian length, the message. Bytes in, messages out; no I/O. */
#ifndef CANOPY_PROTO_WIRE_FRAME_H
#define CANOPY_PROTO_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"
#include "proto/wire/compressor.h"
#include "proto/wire/inflater.h"

#define FRAME_HEADER_BYTES 5u
#define FRAME_BYTES_MAX (4u * 1024u * 1024u)     /* on the wire; four times what a sensor's batch can have */
#define FRAME_INFLATED_MAX FRAME_BYTES_MAX       /* after inflating: what compresses badly must fit, too */
#define FRAME_COMPRESS_MIN 256u                  /* below this compressing costs more than it saves */

/* Reassembles frames from a byte stream. One owner; grows with the frame that is coming, shrinks when no whole one is left. */
struct frame_reader {
	uint8_t *buffer; /* owned */
	size_t start, end, capacity;
	struct inflated inflated;   /* owned; last inflated message, until no whole frame is left */
	struct inflater *inflater;  /* owned; of the next one, between two slices; NULL = none has begun */
	size_t frame_max;    /* bound of one frame in bytes, header not counted; its owner may change all three */
	size_t inflated_max; /* the same after inflating; FRAME_INFLATED_MAX to begin with */
	size_t slice;        /* bytes that one call inflates at most; 0, to begin with, = all of a message */
	bool keeps_previous;
	uint8_t *previous; /* owned; the end of the messages before, from the last one that stood alone */
	size_t previous_len, previous_capacity;
};

enum {
	FRAME_E_MORE = 1,   /* the next frame is not complete: feed more bytes */
	FRAME_E_PAUSED = 2, /* a slice of its message is inflated: call again, or begin anew */
};

void frame_reader_init(struct frame_reader *reader, size_t frame_max);
void frame_reader_finish(struct frame_reader *reader);
/* From now on messages are kept for the next one: for receivers that offer it. One that needs those before it goes behind them, up to
 * COMPRESSION_PREVIOUS_MAX bytes in all; any other one takes their place. */
void frame_reader_keep_previous(struct frame_reader *reader);

/* Room for the next read of the stream, at least one byte; call frame_reader_filled with what was read. Errors:
 * -ENOMEM. */
int frame_reader_space(struct frame_reader *reader, uint8_t **ret_at, size_t *ret_len);
void frame_reader_filled(struct frame_reader *reader, size_t len);

/* Takes the next message. *ret_message is borrowed until the next call on the reader. Returns 0, FRAME_E_MORE, FRAME_E_PAUSED,
 * -EBADMSG (unknown flag bits, neither a whole zlib stream nor a whole frame of zstd, or one that needs messages that are not kept), -EMSGSIZE (over frame_max, or inflates to more than
 * inflated_max) or -ENOMEM. After -EBADMSG or -EMSGSIZE the stream cannot be read on. */
int frame_reader_next(struct frame_reader *reader, const uint8_t **ret_message, size_t *ret_len);
/* Gives back what a paused message has become so far: the next call inflates it from its beginning. For readers that wait long for that call. */
void frame_reader_begin_anew(struct frame_reader *reader);
/* Bytes that the reader holds in memory, to be charged to the peer. */
size_t frame_reader_memory(const struct frame_reader *reader);

/* Writes header and message (given as up to a few parts, one after the other) into one malloc'ed buffer that the caller frees. The compressor, which may
 * be NULL, is used where that makes it smaller. Errors: -ENOMEM, -EMSGSIZE. */
int frame_encode_with(const struct bytes *parts, size_t count, struct compressor *compressor, uint8_t **ret_frame, size_t *ret_len);
/* The same for a message now and then: zlib made for it alone, if compress says so. */
int frame_encode(const struct bytes *parts, size_t count, bool compress, uint8_t **ret_frame, size_t *ret_len);

#endif
