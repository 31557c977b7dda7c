/* SPDX-License-Identifier: Apache-2.0 */
/* Each load builds a new SSL_CTX and puts it in the place of the old one, which lives on in its connections. That it has
 * new ticket keys is what makes a revocation count at once: a resumed session is not verified again.
 *
 * TLS 1.3 alone: both ends are ours, and every browser, curl and Prometheus of these years speaks it. */
#include "proto/stream/tls-context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream/pem-file.h"
#include "proto/stream/tls-internal.h"

enum { FILE_CA, FILE_CERT, FILE_KEY, FILE_CRL, FILES };

struct saved_session {
	char *peer; /* owned */
	SSL_SESSION *session; /* owned */
};

struct tls_context {
	atomic_uint references;
	enum tls_side side;
	bool mutual;
	char *paths[FILES]; /* owned; NULL = none */
	struct pem_stamp stamps[FILES];
	_Atomic(uint64_t) counts[3], reloads, reload_failures;
	pthread_mutex_t lock; /* of what follows */
	SSL_CTX *current;
	int64_t expiry;
	STACK_OF(X509) *intermediates; /* owned; NULL = none yet. The one that was learned first gives way */
	struct saved_session sessions[TLS_SESSIONS_MAX];
	unsigned next_session;
};

/* What one load has made so far. */
struct load {
	const struct tls_context *context;
	SSL_CTX *ctx;
	int64_t expiry;
	char **ret_why;
};

__attribute__((format(printf, 3, 4))) static int fail(char **ret_why, int error, const char *format, ...)
{
	va_list args;

	ERR_clear_error();
	if (!ret_why)
		return error;
	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

/* ---- reading the files --------------------------------------------------------------------------------------- */

/* An encrypted key has nobody to ask. */
static int no_passphrase(char *buffer, int size, int writing, void *user)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)user = true;
	return -1;
}

static int open_file(struct load *load, unsigned file, const char *what, enum pem_secrecy secrecy, char **ret_data,
		     size_t *ret_len, BIO **ret)
{
	int r = pem_file_read(load->context->paths[file], what, secrecy, TLS_FILE_BYTES_MAX, ret_data, ret_len, load->ret_why);

	if (r < 0)
		return r;
	*ret = BIO_new_mem_buf(*ret_data, (int)*ret_len);
	if (*ret)
		return 0;
	pem_file_free(*ret_data, *ret_len);
	return -ENOMEM;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm = {0};

	return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MAX;
}

/* The first certificate is ours, those behind it lead to the authority. */
static int take_chain(struct load *load, BIO *bio)
{
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int ok = x509 && SSL_CTX_use_certificate(load->ctx, x509) == 1;

	load->expiry = x509 ? seconds_of(X509_get0_notAfter(x509)) : INT64_MAX;
	X509_free(x509);
	while (ok && (x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		ok = SSL_CTX_add0_chain_cert(load->ctx, x509);
		if (!ok)
			X509_free(x509);
	}
	ERR_clear_error(); /* the end of the file is one */
	return ok ? 0
		  : fail(load->ret_why, -EINVAL, "the certificate file %s holds no certificate that can be used; give a PEM file",
			 load->context->paths[FILE_CERT]);
}

static int take_key(struct load *load, BIO *bio)
{
	const char *path = load->context->paths[FILE_KEY];
	bool encrypted = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
	int ok = key && SSL_CTX_use_PrivateKey(load->ctx, key) == 1 && SSL_CTX_check_private_key(load->ctx) == 1;
	bool read = key;

	EVP_PKEY_free(key);
	if (ok)
		return 0;
	if (encrypted)
		return fail(load->ret_why, -EINVAL, "the private key %s is encrypted and nobody can be asked; store it without a passphrase",
			    path);
	if (!read)
		return fail(load->ret_why, -EINVAL, "the file %s holds no private key; give a PEM file", path);
	return fail(load->ret_why, -EINVAL, "the private key %s does not belong to the certificate %s; give the pair that was made together",
		    path, load->context->paths[FILE_CERT]);
}

static int take_authorities(struct load *load, BIO *bio)
{
	X509_STORE *store = SSL_CTX_get_cert_store(load->ctx);
	unsigned count = 0;
	X509 *x509;

	while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		count += X509_STORE_add_cert(store, x509) == 1;
		X509_free(x509);
	}
	ERR_clear_error();
	if (count == 0)
		return fail(load->ret_why, -EINVAL, "the file of authorities %s holds no certificate; give a PEM file",
			    load->context->paths[FILE_CA]);
	/* whoever is named here is trusted, be it a root or not */
	return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 ? 0 : -ENOMEM;
}

static int take_revocations(struct load *load, BIO *bio)
{
	X509_STORE *store = SSL_CTX_get_cert_store(load->ctx);
	unsigned count = 0;
	X509_CRL *crl;

	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		count += X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
	}
	ERR_clear_error();
	if (count == 0)
		return fail(load->ret_why, -EINVAL, "the revocation file %s holds no list; give a PEM file, such as crl.pem of 'canopy pki'",
			    load->context->paths[FILE_CRL]);
	/* of the whole chain; on_verify says which of them need no list */
	return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1 ? 0 : -ENOMEM;
}

static const struct {
	const char *what;
	enum pem_secrecy secrecy;
	int (*take)(struct load *load, BIO *bio);
} kinds[FILES] = {
    [FILE_CA] = {"file of authorities", PEM_PUBLIC, take_authorities},
    [FILE_CERT] = {"certificate file", PEM_PUBLIC, take_chain},
    [FILE_KEY] = {"private key", PEM_SECRET, take_key},
    [FILE_CRL] = {"revocation file", PEM_PUBLIC, take_revocations},
};

static int load_file(struct load *load, unsigned file)
{
	char *data;
	size_t len;
	BIO *bio;
	int r;

	if (!load->context->paths[file])
		return 0;
	r = open_file(load, file, kinds[file].what, kinds[file].secrecy, &data, &len, &bio);
	if (r < 0)
		return r;
	r = kinds[file].take(load, bio);
	BIO_free(bio);
	pem_file_free(data, len);
	return r;
}

/* ---- building ------------------------------------------------------------------------------------------------ */

static int configure(const struct tls_context *context, SSL_CTX *ctx)
{
	static const unsigned char id[] = "canopy";
	bool server = context->side == TLS_SERVER;

	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 1) != 1)
		return -ENOMEM;
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	(void)SSL_CTX_set_timeout(ctx, TLS_SESSION_SECONDS);
	SSL_CTX_set_max_cert_list(ctx, TLS_PEER_CHAIN_BYTES_MAX);
	/* Tickets are all a server needs: nothing is kept here for a peer that may never come back. */
	(void)SSL_CTX_set_session_cache_mode(ctx, server ? SSL_SESS_CACHE_OFF : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (!server)
		SSL_CTX_sess_set_new_cb(ctx, tls_on_session);
	return 0;
}

static int build(const struct tls_context *context, struct load *load)
{
	int r;

	ERR_clear_error();
	load->ctx = SSL_CTX_new(context->side == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	if (!load->ctx)
		return -ENOMEM;
	r = configure(context, load->ctx);
	for (unsigned file = 0; r == 0 && file < FILES; file++)
		r = load_file(load, file);
	if (r < 0)
		SSL_CTX_free(load->ctx);
	return r;
}

static void forget_sessions(struct tls_context *context)
{
	for (unsigned i = 0; i < TLS_SESSIONS_MAX; i++) {
		SSL_SESSION_free(context->sessions[i].session);
		free(context->sessions[i].peer);
		context->sessions[i] = (struct saved_session){0};
	}
}

static int load_all(struct tls_context *context, char **ret_why)
{
	struct load load = {.context = context, .expiry = INT64_MAX, .ret_why = ret_why};
	SSL_CTX *old;
	int r;

	/* before they are read: what is written meanwhile is seen as a change later on */
	for (unsigned file = 0; file < FILES; file++)
		pem_file_stamp(context->paths[file], &context->stamps[file]);
	r = build(context, &load);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&context->lock);
	old = context->current;
	context->current = load.ctx;
	context->expiry = load.expiry;
	forget_sessions(context);
	(void)pthread_mutex_unlock(&context->lock);
	SSL_CTX_free(old);
	return 0;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int check_options(const struct tls_options *options, char **ret_why)
{
	if (!options->cert != !options->key)
		return fail(ret_why, -EINVAL, "a certificate and its private key belong together: give both");
	if (options->side == TLS_SERVER && !options->cert)
		return fail(ret_why, -EINVAL, "who listens needs a certificate and its private key");
	if ((options->side == TLS_CLIENT || options->mutual) && !options->ca)
		return fail(ret_why, -EINVAL, "the authorities that peers must be signed by are missing: give their file");
	return 0;
}

static int copy_paths(struct tls_context *context, const struct tls_options *options)
{
	const char *const paths[FILES] = {options->ca, options->cert, options->key, options->crl};

	for (unsigned file = 0; file < FILES; file++) {
		context->paths[file] = paths[file] ? strdup(paths[file]) : NULL;
		if (paths[file] && !context->paths[file])
			return -ENOMEM;
	}
	return 0;
}

int tls_context_create(struct tls_context **ret, const struct tls_options *options, char **ret_why)
{
	int r = check_options(options, ret_why);
	struct tls_context *context;

	if (r < 0)
		return r;
	context = calloc(1, sizeof(*context));
	if (!context)
		return -ENOMEM;
	(void)pthread_mutex_init(&context->lock, NULL);
	atomic_init(&context->references, 1);
	context->side = options->side;
	context->mutual = options->mutual;
	r = copy_paths(context, options);
	if (r == 0)
		r = load_all(context, ret_why);
	if (r < 0)
		tls_context_unref(context);
	else
		*ret = context;
	return r;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	if (context)
		atomic_fetch_add(&context->references, 1);
	return context;
}

void tls_context_unref(struct tls_context *context)
{
	if (!context || atomic_fetch_sub(&context->references, 1) > 1)
		return;
	forget_sessions(context);
	sk_X509_pop_free(context->intermediates, X509_free);
	SSL_CTX_free(context->current);
	for (unsigned file = 0; file < FILES; file++)
		free(context->paths[file]);
	(void)pthread_mutex_destroy(&context->lock);
	free(context);
}

int tls_context_reload(struct tls_context *context, char **ret_why)
{
	int r = load_all(context, ret_why);

	atomic_fetch_add(r < 0 ? &context->reload_failures : &context->reloads, 1);
	return r;
}

int tls_context_refresh(struct tls_context *context, char **ret_why)
{
	struct pem_stamp stamp;

	for (unsigned file = 0; file < FILES; file++) {
		pem_file_stamp(context->paths[file], &stamp);
		if (memcmp(&stamp, &context->stamps[file], sizeof(stamp)) != 0)
			return tls_context_reload(context, ret_why);
	}
	return TLS_CONTEXT_E_SAME;
}

/* ---- for messages and metrics -------------------------------------------------------------------------------- */

int64_t tls_context_expiry(struct tls_context *context)
{
	int64_t expiry;

	(void)pthread_mutex_lock(&context->lock);
	expiry = context->expiry;
	(void)pthread_mutex_unlock(&context->lock);
	return expiry;
}

void tls_context_counts(const struct tls_context *context, struct tls_counts *ret)
{
	*ret = (struct tls_counts){
	    .full = atomic_load(&context->counts[TLS_FULL]),
	    .resumed = atomic_load(&context->counts[TLS_RESUMED]),
	    .failed = atomic_load(&context->counts[TLS_FAILED]),
	    .reloads = atomic_load(&context->reloads),
	    .reload_failures = atomic_load(&context->reload_failures),
	};
}

/* ---- for connections ----------------------------------------------------------------------------------------- */

SSL_CTX *tls_context_current(struct tls_context *context)
{
	SSL_CTX *ctx;

	(void)pthread_mutex_lock(&context->lock);
	ctx = context->current;
	(void)SSL_CTX_up_ref(ctx);
	(void)pthread_mutex_unlock(&context->lock);
	return ctx;
}

enum tls_side tls_context_side(const struct tls_context *context)
{
	return context->side;
}

bool tls_context_is_mutual(const struct tls_context *context)
{
	return context->mutual;
}

bool tls_context_has_certificate(const struct tls_context *context)
{
	return context->paths[FILE_CERT];
}

const char *tls_context_ca(const struct tls_context *context)
{
	return context->paths[FILE_CA];
}

void tls_context_count(struct tls_context *context, enum tls_outcome outcome)
{
	atomic_fetch_add(&context->counts[outcome], 1);
}

static bool is_kept(const struct tls_context *context, const X509 *x509)
{
	for (int i = 0; i < sk_X509_num(context->intermediates); i++)
		if (X509_cmp(sk_X509_value(context->intermediates, i), x509) == 0)
			return true;
	return false;
}

/* Without memory it is not remembered. */
static void keep_intermediate(struct tls_context *context, X509 *x509)
{
	if (is_kept(context, x509) || X509_up_ref(x509) != 1)
		return;
	if (sk_X509_num(context->intermediates) >= (int)TLS_INTERMEDIATES_MAX)
		X509_free(sk_X509_shift(context->intermediates));
	if (sk_X509_push(context->intermediates, x509) <= 0)
		X509_free(x509);
}

void tls_context_keep_intermediates(struct tls_context *context, const STACK_OF(X509) *chain)
{
	int count = sk_X509_num(chain);

	if (count < 3) /* the peer's own, and the authority, which stands in our file */
		return;
	(void)pthread_mutex_lock(&context->lock);
	if (!context->intermediates)
		context->intermediates = sk_X509_new_null();
	for (int i = 1; context->intermediates && i + 1 < count; i++)
		keep_intermediate(context, sk_X509_value(chain, i));
	(void)pthread_mutex_unlock(&context->lock);
}

STACK_OF(X509) *tls_context_intermediates(struct tls_context *context)
{
	STACK_OF(X509) * all;

	(void)pthread_mutex_lock(&context->lock);
	all = context->intermediates ? X509_chain_up_ref(context->intermediates) : NULL;
	(void)pthread_mutex_unlock(&context->lock);
	return all;
}

SSL_SESSION *tls_context_take_session(struct tls_context *context, const char *peer)
{
	SSL_SESSION *session = NULL;

	(void)pthread_mutex_lock(&context->lock);
	for (unsigned i = 0; i < TLS_SESSIONS_MAX && !session; i++) {
		if (context->sessions[i].peer && strcmp(context->sessions[i].peer, peer) == 0) {
			session = context->sessions[i].session;
			context->sessions[i].session = NULL;
		}
	}
	(void)pthread_mutex_unlock(&context->lock);
	return session;
}

static struct saved_session *slot_for(struct tls_context *context, const char *peer)
{
	struct saved_session *slot;

	for (unsigned i = 0; i < TLS_SESSIONS_MAX; i++)
		if (context->sessions[i].peer && strcmp(context->sessions[i].peer, peer) == 0)
			return &context->sessions[i];
	slot = &context->sessions[context->next_session++ % TLS_SESSIONS_MAX];
	free(slot->peer);
	slot->peer = strdup(peer); /* without memory nobody finds it */
	return slot;
}

void tls_context_keep_session(struct tls_context *context, const SSL_CTX *of, const char *peer, SSL_SESSION *session)
{
	SSL_SESSION *old = session;

	(void)pthread_mutex_lock(&context->lock);
	if (of == context->current) { /* otherwise the peer was judged by files that have been replaced */
		struct saved_session *slot = slot_for(context, peer);

		old = slot->session;
		slot->session = session;
	}
	(void)pthread_mutex_unlock(&context->lock);
	SSL_SESSION_free(old);
}
