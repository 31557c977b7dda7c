/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection needs of the context. Not for users. */
#ifndef CANOPY_PROTO_STREAM_TLS_INTERNAL_H
#define CANOPY_PROTO_STREAM_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "proto/stream/tls-context.h"

enum tls_outcome {
	TLS_FULL,
	TLS_RESUMED,
	TLS_FAILED,
};

/* The newest; a reference of the caller's. */
SSL_CTX *tls_context_current(struct tls_context *context);
enum tls_side tls_context_side(const struct tls_context *context);
bool tls_context_is_mutual(const struct tls_context *context);
bool tls_context_has_certificate(const struct tls_context *context);
const char *tls_context_ca(const struct tls_context *context); /* path, for messages; NULL = none */
void tls_context_count(struct tls_context *context, enum tls_outcome outcome);

/* A ticket carries the peer's certificate and not what leads from it to the authority. So what verified chains had in
 * between is remembered, for judging those who resume again after a reload. It is trusted by nobody: each chain is verified
 * by the newest files. */
void tls_context_keep_intermediates(struct tls_context *context, const STACK_OF(X509) *chain);
/* All of them, the caller's; NULL = none, or no memory. */
STACK_OF(X509) *tls_context_intermediates(struct tls_context *context);

/* Of a client. The session is a reference of the caller's; NULL = none. A ticket is used once. */
SSL_SESSION *tls_context_take_session(struct tls_context *context, const char *peer);
/* Consumes the session. of: what it was made under. */
void tls_context_keep_session(struct tls_context *context, const SSL_CTX *of, const char *peer, SSL_SESSION *session);

/* In tls.c: SSL_CTX_sess_set_new_cb. */
int tls_on_session(SSL *ssl, SSL_SESSION *session);

#endif
