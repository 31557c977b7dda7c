/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/authority.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#define DAY 86400L
#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

static void set_name(X509_NAME *name, const char *common_name)
{
	MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1);
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	MUST(extension && X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static X509 *begin(const char *common_name, EVP_PKEY *key, long serial, long begins_in, long ends_in)
{
	X509 *x509 = X509_new();

	MUST(x509 && X509_set_version(x509, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x509), serial) == 1);
	MUST(X509_gmtime_adj(X509_getm_notBefore(x509), begins_in) && X509_gmtime_adj(X509_getm_notAfter(x509), ends_in));
	set_name(X509_get_subject_name(x509), common_name);
	MUST(X509_set_pubkey(x509, key) == 1);
	return x509;
}

static void make(struct authority *authority, const struct authority *above, const char *common_name, long serial)
{
	authority->crl = X509_CRL_new();
	authority->key = EVP_EC_gen("P-256");
	MUST(authority->key && authority->crl);
	authority->x509 = begin(common_name, authority->key, serial, -3600, 10 * DAY);
	above = above ? above : authority;
	MUST(X509_set_issuer_name(authority->x509, X509_get_subject_name(above->x509)) == 1);
	add_extension(authority->x509, above->x509, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(authority->x509, above->x509, NID_key_usage, "critical,keyCertSign,cRLSign");
	MUST(X509_sign(authority->x509, above->key, EVP_sha256()) > 0);
}

void authority_make(struct authority *authority, const char *common_name)
{
	make(authority, NULL, common_name, 1);
}

void authority_make_below(struct authority *authority, const struct authority *above, const char *common_name, long serial)
{
	make(authority, above, common_name, serial);
}

void authority_finish(struct authority *authority)
{
	EVP_PKEY_free(authority->key);
	X509_free(authority->x509);
	X509_CRL_free(authority->crl);
}

X509 *authority_sign(const struct authority *authority, const struct request_for *request, EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool dated = request->begins_in || request->ends_in;
	X509 *x509;

	MUST(key);
	x509 = begin(request->common_name, key, request->serial ? request->serial : 2, dated ? request->begins_in : -3600,
		     dated ? request->ends_in : DAY);
	MUST(X509_set_issuer_name(x509, X509_get_subject_name(authority->x509)) == 1);
	if (request->alternatives)
		add_extension(x509, authority->x509, NID_subject_alt_name, request->alternatives);
	if (request->usage)
		add_extension(x509, authority->x509, NID_ext_key_usage, request->usage);
	MUST(X509_sign(x509, authority->key, EVP_sha256()) > 0);
	*ret_key = key;
	return x509;
}

static FILE *create(const struct folder *folder, const char *name, mode_t mode)
{
	char path[FOLDER_PATH_MAX * 2], draft[FOLDER_PATH_MAX * 2 + 8];
	FILE *file;

	folder_file(folder, name, path);
	(void)snprintf(draft, sizeof(draft), "%s.new", path);
	file = fopen(draft, "w");
	MUST(file && fchmod(fileno(file), mode) == 0 && rename(draft, path) == 0);
	return file;
}

void authority_issue(const struct authority *authority, const struct folder *folder, const char *name,
		     const struct request_for *request)
{
	char file_name[256];
	EVP_PKEY *key;
	X509 *x509 = authority_sign(authority, request, &key);
	FILE *file;

	(void)snprintf(file_name, sizeof(file_name), "%s.pem", name);
	file = create(folder, file_name, 0644);
	MUST(PEM_write_X509(file, x509) == 1 && fclose(file) == 0);
	(void)snprintf(file_name, sizeof(file_name), "%s.key", name);
	file = create(folder, file_name, 0600);
	MUST(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
	X509_free(x509);
	EVP_PKEY_free(key);
}

void authority_append(const struct authority *authority, const struct folder *folder, const char *name)
{
	char path[FOLDER_PATH_MAX * 2];
	FILE *file;

	folder_file(folder, name, path);
	file = fopen(path, "a");
	MUST(file && PEM_write_X509(file, authority->x509) == 1 && fclose(file) == 0);
}

void authority_write(const struct authority *authority, const struct folder *folder, const char *name)
{
	FILE *file = create(folder, name, 0644);

	MUST(PEM_write_X509(file, authority->x509) == 1 && fclose(file) == 0);
}

void authority_revoke(struct authority *authority, long serial)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

	MUST(revoked && number && now && ASN1_INTEGER_set(number, serial) == 1);
	MUST(X509_REVOKED_set_serialNumber(revoked, number) == 1 && X509_REVOKED_set_revocationDate(revoked, now) == 1);
	MUST(X509_CRL_add0_revoked(authority->crl, revoked) == 1);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(now);
}

static void put_revocations(struct authority *authority, FILE *file)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, -3600), *until = X509_gmtime_adj(NULL, DAY);

	MUST(from && until && X509_CRL_set_version(authority->crl, 1) == 1);
	MUST(X509_CRL_set_issuer_name(authority->crl, X509_get_subject_name(authority->x509)) == 1);
	MUST(X509_CRL_set1_lastUpdate(authority->crl, from) == 1 && X509_CRL_set1_nextUpdate(authority->crl, until) == 1);
	MUST(X509_CRL_sort(authority->crl) == 1 && X509_CRL_sign(authority->crl, authority->key, EVP_sha256()) > 0);
	MUST(file && PEM_write_X509_CRL(file, authority->crl) == 1 && fclose(file) == 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
}

void authority_write_revocations(struct authority *authority, const struct folder *folder, const char *name)
{
	put_revocations(authority, create(folder, name, 0644));
}

void authority_append_revocations(struct authority *authority, const struct folder *folder, const char *name)
{
	char path[FOLDER_PATH_MAX * 2];

	folder_file(folder, name, path);
	put_revocations(authority, fopen(path, "a"));
}
