/* SPDX-License-Identifier: Apache-2.0 */
/* Why a handshake failed is pieced together from three places: what verification said of which certificate, the alert that
 * the peer sent, and OpenSSL's own reason. The person who reads it has to mend a file somewhere, so each comes with which
 * one. */
#include "proto/stream/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/stream/tls-internal.h"

#define RECORD_MAX 16384u     /* plain bytes of a record */
#define RECORD_OVERHEAD 256u  /* RFC 8446: 5 of header, 1 of type, 16 of tag; with room to spare */

struct tls {
	struct tls_context *context; /* a reference */
	SSL *ssl;                    /* owned, with both BIOs */
	SSL_CTX *judge;              /* a reference: whose files the peer was last verified by, or will be */
	BIO *in, *out;
	char *peer; /* owned; of a client */
	size_t handshake_bytes;
	bool done, failed;
	int verify_error, verify_depth;
	char subject[128]; /* of the certificate that verification refused */
	char why[TLS_WHY_MAX];
};

/* ---- what went wrong ----------------------------------------------------------------------------------------- */

static const char *verify_remedy(const struct tls *tls, int error)
{
	bool client = tls_context_side(tls->context) == TLS_CLIENT;

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "renew it; if it is not old, look at this machine's clock";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "look at the clocks of both machines";
	case X509_V_ERR_CERT_REVOKED:
		return "make a new one";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "connect by a name that stands in it, or make one with this name";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return "give a current list of its authority by --tls-crl";
	case X509_V_ERR_INVALID_PURPOSE:
		return client ? "it was made for a client: the other end needs one for a server"
			      : "it was made for a server: a sensor needs one for a client";
	default:
		return client ? "is its authority in the file of --tls-ca here?" : "is its authority in the collector's --tls-ca?";
	}
}

/* The list of its authority must be there for the peer's own certificate. One above it is looked up where there is a list, and what the file of
 * authorities names is trusted as it stands there: whose list would tell may not even be known. */
static bool needs_no_list(X509_STORE_CTX *store)
{
	int depth = X509_STORE_CTX_get_error_depth(store);
	bool trusted = depth == sk_X509_num(X509_STORE_CTX_get0_chain(store)) - 1;

	if (depth == 0)
		return false;
	switch (X509_STORE_CTX_get_error(store)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE: /* there is one, but not of authorities (RFC 5280, 5.2.5) */
		return true;
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return trusted;
	default:
		return false;
	}
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = ssl ? SSL_get_app_data(ssl) : NULL;
	X509 *x509 = X509_STORE_CTX_get_current_cert(store);

	if (!ok && needs_no_list(store)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (ok || !tls || tls->verify_error)
		return ok;
	tls->verify_error = X509_STORE_CTX_get_error(store);
	tls->verify_depth = X509_STORE_CTX_get_error_depth(store);
	if (x509)
		(void)X509_NAME_oneline(X509_get_subject_name(x509), tls->subject, sizeof(tls->subject));
	return ok;
}

static void explain_verify(struct tls *tls)
{
	(void)snprintf(tls->why, sizeof(tls->why), "the %s '%s' is refused: %s; %s",
		       tls->verify_depth > 0 ? "authority above the peer's certificate" : "peer's certificate", tls->subject,
		       X509_verify_cert_error_string(tls->verify_error), verify_remedy(tls, tls->verify_error));
}

/* Alerts of RFC 8446 that speak of our own certificate. */
static const char *alert_remedy(const struct tls *tls, int alert)
{
	switch (alert) {
	case SSL_AD_CERTIFICATE_REQUIRED:
		return tls_context_has_certificate(tls->context)
			   ? "it wants a certificate of ours: is the one given made for a client?"
			   : "it wants a certificate of ours: give --tls-cert and --tls-key";
	case SSL_AD_UNKNOWN_CA:
		return "it does not trust the authority of our certificate: both ends need the same one";
	case SSL_AD_CERTIFICATE_REVOKED:
		return "our certificate is revoked: get a new one";
	case SSL_AD_CERTIFICATE_EXPIRED:
		return "our certificate has expired: renew it";
	case SSL_AD_PROTOCOL_VERSION:
		return "it does not speak TLS 1.3: upgrade it";
	default:
		return "its log says more";
	}
}

static void explain_error(struct tls *tls, unsigned long error)
{
	int reason = ERR_GET_REASON(error), alert = reason - SSL_AD_REASON_OFFSET;

	switch (reason) {
	case SSL_R_HTTP_REQUEST:
		(void)snprintf(tls->why, sizeof(tls->why), "the peer speaks plain HTTP to a port that takes TLS; use https://");
		return;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_BAD_RECORD_TYPE:
		(void)snprintf(tls->why, sizeof(tls->why), "what the peer sends is no TLS; is TLS switched on at both ends?");
		return;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
		(void)snprintf(tls->why, sizeof(tls->why), "the peer offers only versions older than TLS 1.3; upgrade it");
		return;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		(void)snprintf(tls->why, sizeof(tls->why),
			       "the peer shows no certificate; a sensor needs --tls-cert and --tls-key, see 'canopy pki sensor'");
		return;
	default:
		break;
	}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && alert > 0 && alert < 256)
		(void)snprintf(tls->why, sizeof(tls->why), "the peer refuses: %s; %s", SSL_alert_desc_string_long(alert),
			       alert_remedy(tls, alert));
	else
		(void)snprintf(tls->why, sizeof(tls->why), "%s; is the other end a Canopy program or a TLS 1.3 client?",
			       error ? ERR_reason_error_string(error) : "the handshake broke off");
}

static int fail(struct tls *tls)
{
	unsigned long error = ERR_peek_error();

	if (!tls->failed && !tls->done)
		tls_context_count(tls->context, TLS_FAILED);
	tls->failed = true;
	if (tls->why[0] == '\0' && tls->verify_error)
		explain_verify(tls);
	else if (tls->why[0] == '\0')
		explain_error(tls, error);
	ERR_clear_error();
	return -EPROTO;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

int tls_on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!tls || !tls->peer)
		return 0;
	tls_context_keep_session(tls->context, SSL_get_SSL_CTX(ssl), tls->peer, session);
	return 1;
}

static bool is_number(const char *peer)
{
	struct in6_addr address;

	return inet_pton(AF_INET, peer, &address) == 1 || inet_pton(AF_INET6, peer, &address) == 1;
}

static int set_up_client(struct tls *tls, const char *peer)
{
	SSL_SESSION *session;
	int ok;

	tls->peer = strdup(peer);
	if (!tls->peer)
		return -ENOMEM;
	SSL_set_connect_state(tls->ssl);
	SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, on_verify);
	SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_number(peer))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), peer) == 1;
	else
		ok = SSL_set1_host(tls->ssl, peer) == 1 && SSL_set_tlsext_host_name(tls->ssl, peer) == 1;
	session = tls_context_take_session(tls->context, peer);
	if (session)
		(void)SSL_set_session(tls->ssl, session);
	SSL_SESSION_free(session);
	return ok ? 0 : -ENOMEM;
}

static int set_up_server(struct tls *tls)
{
	int mode = tls_context_is_mutual(tls->context) ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE;

	SSL_set_accept_state(tls->ssl);
	SSL_set_verify(tls->ssl, mode, on_verify);
	return 0;
}

static int set_up(struct tls *tls, const char *peer)
{
	SSL_CTX *ctx = tls_context_current(tls->context);

	tls->judge = ctx;
	tls->ssl = SSL_new(ctx);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->ssl || !tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		return -ENOMEM;
	}
	(void)BIO_set_mem_eof_return(tls->in, -1); /* nothing there yet is no end */
	(void)BIO_set_mem_eof_return(tls->out, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out); /* they are the connection's from here on */
	(void)SSL_set_app_data(tls->ssl, tls);
	return tls_context_side(tls->context) == TLS_CLIENT ? set_up_client(tls, peer) : set_up_server(tls);
}

int tls_create(struct tls **ret, struct tls_context *context, const char *peer)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!tls)
		return -ENOMEM;
	tls->context = tls_context_ref(context);
	r = set_up(tls, peer);
	ERR_clear_error();
	if (r < 0)
		tls_destroy(tls);
	else
		*ret = tls;
	return r;
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->done && !tls->failed) /* a connection that broke off is no reason not to resume its session */
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->judge);
	tls_context_unref(tls->context);
	free(tls->peer);
	free(tls);
}

/* ---- bytes of the socket ------------------------------------------------------------------------------------- */

int tls_feed(struct tls *tls, const uint8_t *data, size_t len)
{
	if (!tls->done) {
		tls->handshake_bytes += len;
		if (tls->handshake_bytes > TLS_HANDSHAKE_BYTES_MAX) {
			(void)snprintf(tls->why, sizeof(tls->why), "the peer has sent more than %u bytes and its handshake is not done",
				       TLS_HANDSHAKE_BYTES_MAX);
			(void)fail(tls);
			return -EMSGSIZE;
		}
	}
	return BIO_write(tls->in, data, (int)len) == (int)len ? 0 : -ENOMEM;
}

int tls_take(struct tls *tls, uint8_t **ret, size_t *ret_len)
{
	size_t len = BIO_ctrl_pending(tls->out);
	uint8_t *data;

	*ret = NULL;
	*ret_len = 0;
	if (len == 0)
		return 0;
	data = malloc(len);
	if (!data)
		return -ENOMEM;
	*ret = data;
	*ret_len = (size_t)BIO_read(tls->out, data, (int)len);
	return 0;
}

/* ---- judging the peer ---------------------------------------------------------------------------------------- */

static int verify_by(struct tls *tls, X509_STORE *store, X509 *x509)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl), *kept = chain ? NULL : tls_context_intermediates(tls->context);
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	bool client = tls_context_side(tls->context) == TLS_CLIENT;
	int ok = -1;

	if (verification && X509_STORE_CTX_init(verification, store, x509, chain ? chain : kept) == 1 &&
	    X509_STORE_CTX_set_purpose(verification, client ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT) == 1) {
		X509_STORE_CTX_set_verify_cb(verification, on_verify);
		ok = X509_verify_cert(verification);
	}
	if (ok != 1) {
		X509 *refused = verification ? X509_STORE_CTX_get_current_cert(verification) : NULL;

		tls->verify_error = verification ? X509_STORE_CTX_get_error(verification) : X509_V_ERR_OUT_OF_MEM;
		tls->verify_depth = refused ? X509_STORE_CTX_get_error_depth(verification) : 0;
		(void)X509_NAME_oneline(X509_get_subject_name(refused ? refused : x509), tls->subject, sizeof(tls->subject));
		explain_verify(tls);
	}
	X509_STORE_CTX_free(verification);
	sk_X509_pop_free(kept, X509_free);
	ERR_clear_error();
	return ok == 1 ? 0 : -EPROTO;
}

/* By the newest files; by the same ones nobody is judged twice. */
static int judge_peer(struct tls *tls)
{
	X509 *x509 = SSL_get0_peer_certificate(tls->ssl);
	SSL_CTX *newest = tls_context_current(tls->context), *other = newest;
	int r = 0;

	if (x509 && newest != tls->judge)
		r = verify_by(tls, SSL_CTX_get_cert_store(newest), x509);
	if (r == 0) {
		other = tls->judge;
		tls->judge = newest;
	}
	SSL_CTX_free(other);
	return r;
}

/* ---- handshake ----------------------------------------------------------------------------------------------- */

static bool wants_more(const struct tls *tls, int r)
{
	int error = SSL_get_error(tls->ssl, r);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* A resumed session is not verified again; that much it must still be. */
static bool peer_has_expired(const struct tls *tls)
{
	const X509 *x509 = SSL_get0_peer_certificate(tls->ssl);

	return x509 && X509_cmp_current_time(X509_get0_notAfter(x509)) < 0;
}

int tls_handshake(struct tls *tls)
{
	int r;

	if (tls->failed)
		return -EPROTO;
	if (tls->done)
		return 0;
	ERR_clear_error();
	r = SSL_do_handshake(tls->ssl);
	if (r != 1)
		return wants_more(tls, r) ? TLS_E_AGAIN : fail(tls);
	if (SSL_session_reused(tls->ssl) && peer_has_expired(tls)) {
		(void)snprintf(tls->why, sizeof(tls->why), "the peer's certificate has expired since its last full handshake; renew it");
		return fail(tls);
	}
	if (judge_peer(tls) < 0) /* the handshake itself went by the files of its beginning */
		return fail(tls);
	tls->done = true;
	if (!SSL_session_reused(tls->ssl) && tls_context_is_mutual(tls->context))
		tls_context_keep_intermediates(tls->context, SSL_get0_verified_chain(tls->ssl));
	tls_context_count(tls->context, SSL_session_reused(tls->ssl) ? TLS_RESUMED : TLS_FULL);
	return 0;
}

/* ---- plain bytes --------------------------------------------------------------------------------------------- */

int tls_read(struct tls *tls, uint8_t *at, size_t len, size_t *ret_len)
{
	int r;

	if (tls->failed)
		return -EPROTO;
	ERR_clear_error();
	r = SSL_read_ex(tls->ssl, at, len, ret_len);
	if (r == 1)
		return 0;
	if (wants_more(tls, r))
		return TLS_E_AGAIN;
	return SSL_get_error(tls->ssl, r) == SSL_ERROR_ZERO_RETURN ? TLS_E_END : fail(tls);
}

bool tls_has_input(const struct tls *tls)
{
	return !tls->failed && (BIO_ctrl_pending(tls->in) > 0 || SSL_has_pending(tls->ssl));
}

/* Record by record, so that the BIO never holds more than one. */
static int encrypt(struct tls *tls, const uint8_t *data, size_t len, uint8_t *out, size_t size, size_t *ret_len)
{
	size_t done = 0, written;
	int n = 0;

	do {
		size_t piece = len > RECORD_MAX ? RECORD_MAX : len;

		if (SSL_write_ex(tls->ssl, data, piece, &written) != 1)
			return fail(tls);
		data += written;
		len -= written;
		n = BIO_read(tls->out, out + done, (int)(size - done));
		done += n > 0 ? (size_t)n : 0;
	} while (len > 0);
	*ret_len = done;
	return BIO_ctrl_pending(tls->out) == 0 ? 0 : -ENOMEM;
}

int tls_write(struct tls *tls, const uint8_t *data, size_t len, uint8_t **ret, size_t *ret_len)
{
	size_t size = len + (len / RECORD_MAX + 1) * RECORD_OVERHEAD + BIO_ctrl_pending(tls->out);
	uint8_t *out;
	int r;

	if (tls->failed)
		return -EPROTO;
	out = malloc(size);
	if (!out)
		return -ENOMEM;
	ERR_clear_error();
	r = encrypt(tls, data, len, out, size, ret_len);
	if (r < 0)
		free(out);
	else
		*ret = out;
	return r;
}

void tls_give_up(struct tls *tls, const char *why)
{
	tls->failed = true;
	(void)snprintf(tls->why, sizeof(tls->why), "%s", why);
}

void tls_end(struct tls *tls)
{
	if (tls->done && !tls->failed)
		(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

/* ---- who is there -------------------------------------------------------------------------------------------- */

const char *tls_why(const struct tls *tls)
{
	return tls->why;
}

bool tls_resumed(const struct tls *tls)
{
	return tls->done && SSL_session_reused(tls->ssl);
}

bool tls_peer(const struct tls *tls, struct certificate *ret)
{
	const X509 *x509 = tls->done ? SSL_get0_peer_certificate(tls->ssl) : NULL;

	if (x509)
		certificate_read(x509, ret);
	return x509;
}

int tls_verify_again(struct tls *tls)
{
	return tls->done ? judge_peer(tls) : 0;
}
