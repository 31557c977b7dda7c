/* SPDX-License-Identifier: Apache-2.0 */
/* Serial numbers are random, so that two authorities made from one backup never sign the same one. A revocation list ends
 * with its authority: one that had to be renewed every week would stop a fleet on the week that nobody did. */
#include "collector/console/cli/pki/sign.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/stream/certificate.h"

#define DAY_SECONDS 86400L
#define BACKDATED_SECONDS 300L /* clocks of a fleet differ by so much */
#define SERIAL_BYTES 16

/* ---- pieces -------------------------------------------------------------------------------------------------- */

static bool set_serial(X509 *x509, char *text)
{
	unsigned char octets[SERIAL_BYTES];
	BIGNUM *number = NULL;
	bool ok;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, and always as long */
	number = BN_bin2bn(octets, sizeof(octets), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	BN_free(number);
	for (size_t i = 0; text && i < sizeof(octets); i++)
		(void)snprintf(text + 2 * i, 3, "%02X", octets[i]);
	return ok;
}

static bool set_subject(X509 *x509, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x509);

	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm = {0};

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Ends at the latest with whoever signs it. */
static bool set_times(X509 *x509, const X509 *issuer, unsigned days)
{
	int64_t now = time(NULL), ends = now + (int64_t)days * DAY_SECONDS;

	if (issuer && ends > seconds_of(X509_get0_notAfter(issuer)))
		ends = seconds_of(X509_get0_notAfter(issuer));
	return ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(now - BACKDATED_SECONDS)) &&
	       ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)ends);
}

static bool add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool ok;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(x509, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static X509 *begin(const char *name, EVP_PKEY *key, const X509 *issuer, unsigned days, char *serial)
{
	X509 *x509 = X509_new();

	if (x509 && X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509, serial) && set_subject(x509, name) &&
	    set_times(x509, issuer, days) &&
	    X509_set_issuer_name(x509, X509_get_subject_name(issuer ? issuer : x509)) == 1 && X509_set_pubkey(x509, key) == 1)
		return x509;
	X509_free(x509);
	return NULL;
}

/* What a memory BIO holds; consumes it. */
static int take_bio(BIO *bio, bool ok, struct text *out)
{
	char *data = NULL;
	long len = bio ? BIO_get_mem_data(bio, &data) : 0;

	if (ok && len > 0)
		text_add(out, data, (size_t)len);
	BIO_free(bio);
	ERR_clear_error();
	return ok && len > 0 && !out->failed ? 0 : -ENOMEM;
}

static int write_certificate(const X509 *x509, struct text *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return take_bio(bio, bio && PEM_write_bio_X509(bio, x509) == 1, out);
}

static int write_key(const EVP_PKEY *key, struct text *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	return take_bio(bio, bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, out);
}

/* ---- authority ----------------------------------------------------------------------------------------------- */

void pki_authority_finish(struct pki_authority *authority)
{
	EVP_PKEY_free(authority->key);
	X509_free(authority->x509);
	*authority = PKI_AUTHORITY_NULL;
}

int pki_authority_make(struct pki_authority *ret, const char *name, unsigned days)
{
	struct pki_authority authority = {.key = EVP_EC_gen("P-256")};
	X509 *x509 = authority.key ? begin(name, authority.key, NULL, days, NULL) : NULL;

	authority.x509 = x509;
	if (x509 && add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(x509, x509, NID_subject_key_identifier, "hash") && X509_sign(x509, authority.key, EVP_sha256()) > 0) {
		*ret = authority;
		return 0;
	}
	pki_authority_finish(&authority);
	ERR_clear_error();
	return -ENOMEM;
}

int pki_authority_read(struct pki_authority *ret, const char *pem, size_t pem_len, const char *key, size_t key_len)
{
	BIO *pem_bio = BIO_new_mem_buf(pem, (int)pem_len), *key_bio = BIO_new_mem_buf(key, (int)key_len);
	struct pki_authority authority = PKI_AUTHORITY_NULL;
	bool ok;

	if (pem_bio && key_bio) {
		authority.x509 = PEM_read_bio_X509(pem_bio, NULL, NULL, NULL);
		authority.key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, (void *)"");
	}
	ok = authority.x509 && authority.key && X509_check_private_key(authority.x509, authority.key) == 1;
	BIO_free(pem_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	if (ok)
		*ret = authority;
	else
		pki_authority_finish(&authority);
	return ok ? 0 : -EINVAL;
}

int pki_authority_write(const struct pki_authority *authority, struct text *certificate, struct text *key)
{
	int r = write_certificate(authority->x509, certificate);

	return r < 0 ? r : write_key(authority->key, key);
}

int64_t pki_authority_ends(const struct pki_authority *authority)
{
	return seconds_of(X509_get0_notAfter(authority->x509));
}

/* ---- certificates -------------------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool add_names(X509 *x509, X509 *issuer, const struct pki_request *request)
{
	struct text names = TEXT_NULL;
	char uri[CERTIFICATE_MACHINE_URI_MAX];
	bool ok;

	if (request->kind == PKI_SENSOR)
		text_printf(&names, "DNS:%s", request->name);
	for (size_t i = 0; i < request->alternative_count; i++)
		text_printf(&names, "%s%s:%s", names.len ? "," : "", is_number(request->alternatives[i]) ? "IP" : "DNS",
			    request->alternatives[i]);
	if (request->machine) {
		certificate_machine_format(request->machine, uri);
		text_printf(&names, ",URI:%s", uri);
	}
	ok = !names.failed && add_extension(x509, issuer, NID_subject_alt_name, text_string(&names));
	text_finish(&names);
	return ok;
}

static bool complete(X509 *x509, const struct pki_authority *authority, const struct pki_request *request)
{
	X509 *issuer = authority->x509;

	return add_extension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x509, issuer, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x509, issuer, NID_ext_key_usage, request->kind == PKI_SENSOR ? "clientAuth" : "serverAuth") &&
	       add_extension(x509, issuer, NID_authority_key_identifier, "keyid") && add_names(x509, issuer, request) &&
	       X509_sign(x509, authority->key, EVP_sha256()) > 0;
}

int pki_sign(const struct pki_authority *authority, const struct pki_request *request, struct pki_entry *ret_entry,
	     struct text *certificate, struct text *key)
{
	struct pki_entry entry = {.kind = request->kind, .machine_known = request->machine};
	EVP_PKEY *own = EVP_EC_gen("P-256");
	X509 *x509 = own ? begin(request->name, own, authority->x509, request->days, entry.serial) : NULL;
	int r = -ENOMEM;

	if (x509 && complete(x509, authority, request))
		r = write_certificate(x509, certificate);
	if (r == 0)
		r = write_key(own, key);
	if (r == 0) {
		(void)snprintf(entry.name, sizeof(entry.name), "%s", request->name);
		entry.ends = seconds_of(X509_get0_notAfter(x509));
		if (request->machine)
			memcpy(entry.machine, request->machine, sizeof(entry.machine));
		*ret_entry = entry;
	}
	X509_free(x509);
	EVP_PKEY_free(own);
	ERR_clear_error();
	return r;
}

bool pki_certificate_names(const char *pem, size_t len, const struct pki_request *request)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	bool all = x509;

	for (size_t i = 0; all && i < request->alternative_count; i++) {
		const char *name = request->alternatives[i];

		all = is_number(name) ? X509_check_ip_asc(x509, name, 0) == 1 : X509_check_host(x509, name, 0, 0, NULL) == 1;
	}
	X509_free(x509);
	BIO_free(bio);
	ERR_clear_error();
	return all;
}

/* ---- revocation ---------------------------------------------------------------------------------------------- */

static bool add_revoked(X509_CRL *crl, const struct pki_entry *entry)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)entry->revoked);
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = BN_hex2bn(&number, entry->serial) > 0 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	bool ok = revoked && when && serial && X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
		  X509_REVOKED_set_revocationDate(revoked, when) == 1 && X509_CRL_add0_revoked(crl, revoked) == 1;

	if (!ok)
		X509_REVOKED_free(revoked);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(when);
	BN_free(number);
	return ok;
}

static bool fill_list(X509_CRL *crl, const struct pki_authority *authority, const struct pki_index *index)
{
	ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL) - BACKDATED_SECONDS);
	bool ok = now && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->x509)) == 1 &&
		  X509_CRL_set1_lastUpdate(crl, now) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(authority->x509)) == 1;

	for (size_t i = 0; ok && i < index->count; i++)
		ok = !index->entries[i].revoked || add_revoked(crl, &index->entries[i]);
	ASN1_TIME_free(now);
	return ok && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, authority->key, EVP_sha256()) > 0;
}

int pki_revocations(const struct pki_authority *authority, const struct pki_index *index, struct text *ret)
{
	X509_CRL *crl = X509_CRL_new();
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = crl && bio && fill_list(crl, authority, index) && PEM_write_bio_X509_CRL(bio, crl) == 1;

	X509_CRL_free(crl);
	return take_bio(bio, ok, ret);
}
