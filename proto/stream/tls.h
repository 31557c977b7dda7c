/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS 1.3 connection without any I/O: what came from the socket goes in, what is to go there comes out, through
 * OpenSSL's memory BIOs. One thread. */
#ifndef CANOPY_PROTO_STREAM_TLS_H
#define CANOPY_PROTO_STREAM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/stream/certificate.h"
#include "proto/stream/tls-context.h"

#define TLS_HANDSHAKE_BYTES_MAX (64u << 10) /* from the peer until it is done: three times a long chain */
#define TLS_FEED_MAX 16384u                 /* bytes of a tls_feed; bounds what waits inside */
#define TLS_WHY_MAX 512u

struct tls;

enum {
	TLS_E_AGAIN = 1, /* the peer must say more first */
	TLS_E_END = 2,   /* the peer has ended its side in order */
};

/* peer: of a client, the name or number that was asked for: it must stand in the certificate. NULL for a server.
 * Errors: -ENOMEM. */
int tls_create(struct tls **ret, struct tls_context *context, const char *peer);
void tls_destroy(struct tls *tls); /* takes NULL */

/* Takes at most TLS_FEED_MAX bytes that came from the peer; read all that tls_read gives before the next ones. Errors:
 * -ENOMEM, -EMSGSIZE (over TLS_HANDSHAKE_BYTES_MAX and still no end of the handshake). */
int tls_feed(struct tls *tls, const uint8_t *data, size_t len);
/* What is to go to the peer: after everything that was called here, errors included (an alert tells the peer why). *ret is
 * malloc'ed, NULL with a length of 0 when there is nothing. Errors: -ENOMEM. */
int tls_take(struct tls *tls, uint8_t **ret, size_t *ret_len);

/* Goes on with the handshake; where the context was loaded anew since tls_create, its end judges the peer by that. 0 once it is
 * done (and ever after), TLS_E_AGAIN, or -EPROTO: tls_why says what is wrong. */
int tls_handshake(struct tls *tls);

/* Plain bytes, len > 0. 0 with *ret_len > 0, TLS_E_AGAIN, TLS_E_END or -EPROTO. */
int tls_read(struct tls *tls, uint8_t *at, size_t len, size_t *ret_len);
/* Something may be read without another tls_feed. */
bool tls_has_input(const struct tls *tls);
/* Encrypts all of data into a malloc'ed buffer that also holds what else waits for the peer. Only after the handshake.
 * Errors: -ENOMEM, -EPROTO. */
int tls_write(struct tls *tls, const uint8_t *data, size_t len, uint8_t **ret, size_t *ret_len);
/* The user has had enough of the peer: nothing is read or written any more, and tls_why says this. */
void tls_give_up(struct tls *tls, const char *why);
/* Our side is at its end: tls_take has the notice. */
void tls_end(struct tls *tls);

/* A sentence about what went wrong: names the certificate or the peer's word, and the remedy; "" = nothing. Borrowed. */
const char *tls_why(const struct tls *tls);
bool tls_resumed(const struct tls *tls);
/* Whether the peer showed a certificate (that was verified). Fills *ret. */
bool tls_peer(const struct tls *tls, struct certificate *ret);
/* Judges the peer's certificate again, by what the context has loaded since. 0, or -EPROTO: tls_why says why. */
int tls_verify_again(struct tls *tls);

#endif
