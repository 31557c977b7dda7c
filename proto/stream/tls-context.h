/* SPDX-License-Identifier: Apache-2.0 */
/* What the TLS connections of one end have in common: its certificate and key, whom it trusts, who is revoked, and
 * sessions to resume. The files are read again when asked for, under connections that live on; what cannot be read leaves
 * everything as it was. May be used by several threads. */
#ifndef CANOPY_PROTO_STREAM_TLS_CONTEXT_H
#define CANOPY_PROTO_STREAM_TLS_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#define TLS_FILE_BYTES_MAX (8u << 20)     /* of one PEM file: all public authorities are 200 KB, long CRLs some MB */
#define TLS_PEER_CHAIN_BYTES_MAX 16384u   /* a chain of three with RSA-4096 is 6 KB */
#define TLS_SESSION_SECONDS 7200          /* a ticket is good for so long; any reload ends it at once */
#define TLS_INTERMEDIATES_MAX 64u         /* authorities between ours and the peers' certificates that are remembered */
#define TLS_SESSIONS_MAX 8u               /* collectors that a sensor keeps a ticket of */

enum tls_side {
	TLS_CLIENT,
	TLS_SERVER,
};

struct tls_options {
	enum tls_side side;
	/* Paths of PEM files, copied; NULL = none. ca: whose signatures count, needed by a client and with mutual. cert: own
	 * certificate with the chain behind it, key: its private key; a server needs both. crl: revocation lists; when given,
	 * the issuer of each peer's certificate must have one in it. */
	const char *ca, *cert, *key, *crl;
	bool mutual; /* a server insists on the peer's certificate */
};

struct tls_context;

/* *ret belongs to the caller until tls_context_unref. Errors: -EINVAL (options, or what a file holds), -EACCES (a key that
 * others can read, a file that others can write), -errno of opening, -ENOMEM; *ret_why (may be NULL) is then a malloc'ed
 * sentence that names file, value and remedy, freed by the caller. */
int tls_context_create(struct tls_context **ret, const struct tls_options *options, char **ret_why);
/* Takes NULL. Each connection has a reference of its own. */
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);

/* Reads all files again: new connections use them, tickets are void. Errors as tls_context_create, then nothing has
 * changed. */
int tls_context_reload(struct tls_context *context, char **ret_why);

enum {
	TLS_CONTEXT_E_SAME = 1, /* no file has changed since it was last looked at */
};
/* Reloads when a file has changed; a failure is told once for each change. Costs a stat a file. */
int tls_context_refresh(struct tls_context *context, char **ret_why);

/* When the own certificate ends, in seconds since the epoch; INT64_MAX when there is none. */
int64_t tls_context_expiry(struct tls_context *context);

struct tls_counts {
	uint64_t full, resumed, failed; /* handshakes */
	uint64_t reloads, reload_failures;
};
void tls_context_counts(const struct tls_context *context, struct tls_counts *ret);

#endif
