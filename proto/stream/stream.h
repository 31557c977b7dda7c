/* SPDX-License-Identifier: Apache-2.0 */
/* A byte stream between two peers, TCP over libuv, plain or with TLS 1.3: bytes in, bytes out, nothing about what they mean.
 *
 * Ownership follows libuv: a stream lives until its close callback has run; nothing is called after that. Whatever is
 * called from inside a callback, closing included, is allowed. */
#ifndef CANOPY_PROTO_STREAM_STREAM_H
#define CANOPY_PROTO_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "proto/stream/address.h"
#include "proto/stream/certificate.h"
#include "proto/stream/tls-context.h"

#define STREAM_KEEPALIVE_SECONDS 30u /* a vanished peer is noticed although nothing is to be sent */
#define STREAM_UNHEARD_MS 60000u     /* nothing sent was confirmed for so long: the peer is gone (TCP_USER_TIMEOUT) */
#define STREAM_REFUSE_MS 1000u       /* after TLS has failed, for the peer to read why */
#define STREAM_REFUSE_BYTES_MAX (256u << 10) /* and what it may still send meanwhile */
/* What TLS answers by itself, new keys that the peer has asked for, and the peer has not read: some 250 of them, each in a
 * write of its own. Who transfers data asks once in gigabytes. */
#define STREAM_ANSWERS_MAX (64u << 10)

struct stream;

/* What the user of a stream is told; each function gets the user's owner. */
struct stream_events {
	/* The stream can be written and read: after stream_connect, and with TLS after stream_accept as well (may be NULL
	 * for those who only accept). */
	void (*connected)(void *owner);
	/* Where the next bytes shall go, at least one. The buffer must stay until filled is called or reading ends.
	 * An error (-errno) ends the stream with it. */
	int (*space)(void *owner, uint8_t **ret_at, size_t *ret_len);
	/* len > 0 bytes stand in that space. */
	void (*filled)(void *owner, size_t len);
	/* All that was written has been handed to the kernel. May be NULL. */
	void (*drained)(void *owner);
	/* error 0: the peer ended its side, writing is still possible. Otherwise -errno: the stream is of no more use;
	 * -EPROTO: TLS has failed, stream_why says why. Reading has ended either way. Not called because of stream_close. */
	void (*ended)(void *owner, int error);
	/* The TLS handshake has got a step further: what the peer said was answered, and it has to say more. Not for a part of what it
	 * has to say. May be NULL. */
	void (*answered)(void *owner);
};

/* *ret belongs to the caller until stream_close. events must outlive the stream. Errors: -ENOMEM. */
int stream_create(struct stream **ret, uv_loop_t *loop, const struct stream_events *events, void *owner);

/* The round over the addresses of a name begins at this one, modulo their number; before stream_connect. For who has
 * found that the first one answers and yet is of no use. */
void stream_begin_at(struct stream *stream, unsigned first);

/* Before stream_connect or stream_accept: the bytes go through TLS. peer: when connecting, the name or number that must
 * stand in the other end's certificate; otherwise NULL. Without a context nothing is done. The handshake has no time limit here. Errors: -ENOMEM. */
int stream_secure(struct stream *stream, struct tls_context *context, const char *peer);

/* Resolves host on the loop's thread pool and tries its addresses one after the other; answers by connected or ended
 * (with the error of the last address). There is no time limit here. Errors: -errno at once, then neither is called. */
int stream_connect(struct stream *stream, const char *host, uint16_t port);

/* Takes the connection that waits at server (inside its connection callback). Errors: -errno. */
int stream_accept(struct stream *stream, uv_stream_t *server);

/* An open connection on its way from one loop to another one. */
struct stream_passage {
	int fd;          /* owned */
	struct tls *tls; /* owned; NULL = plain */
};

/* Takes the connection off its loop, so that it can be adopted by a stream of another loop, on another thread. Nothing
 * may be queued. This stream is then good for stream_close alone. Errors: -EBUSY (something is queued), -ENOTCONN,
 * -errno; the stream is then as before. */
int stream_release(struct stream *stream, struct stream_passage *ret);
/* Takes over what was released; the passage is consumed, also when this fails. Errors: -errno. */
int stream_adopt(struct stream *stream, struct stream_passage *passage);
/* Ends a connection that nobody adopts. */
void stream_passage_drop(struct stream_passage *passage);

/* Starts and stops reading; both may be called in any state of reading, and during the handshake. Errors: -errno. */
int stream_read_start(struct stream *stream);
void stream_read_stop(struct stream *stream);

/* Whether bytes of the peer wait in the kernel. */
bool stream_has_unread(const struct stream *stream);

/* Sends len > 0 bytes of a malloc'ed buffer, which is consumed also when this fails. Errors: -ENOTCONN, -ENOMEM, -EPIPE
 * after stream_shutdown; a failure later on comes by ended. */
int stream_write(struct stream *stream, uint8_t *data, size_t len);
/* Bytes that were written and not yet reported as taken by the kernel; drained comes when this falls to 0. */
size_t stream_queued(const struct stream *stream);

/* Ends our side after all that was written; the peer reads an end, reading goes on. Errors: -ENOTCONN, -ENOMEM. */
int stream_shutdown(struct stream *stream);

/* Ends the stream and frees it; what is queued is dropped. closed (may be NULL) is called on the loop, last of all.
 * Takes NULL, then closed is not called. */
void stream_close(struct stream *stream, void (*closed)(void *owner));

/* The other end, valid once connected or accepted; returns false before. */
bool stream_peer(const struct stream *stream, struct sockaddr_storage *ret);

/* A sentence on why TLS has failed, with the remedy; "" = it has not. Borrowed. */
const char *stream_why(const struct stream *stream);
/* The certificate that the other end has shown, verified; false: none, or plain. */
bool stream_certificate(const struct stream *stream, struct certificate *ret);
/* Judges it again by what the context has loaded since. 0, or -EPROTO: stream_why says why. */
int stream_verify_again(struct stream *stream);

#endif
