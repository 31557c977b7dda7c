/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority in memory, for tests: writes certificates, keys and revocation lists into a folder. */
#ifndef CANOPY_TESTS_AUTHORITY_H
#define CANOPY_TESTS_AUTHORITY_H

#include <openssl/x509.h>

#include "tests/unit/folder.h"

struct authority {
	EVP_PKEY *key;
	X509 *x509;
	X509_CRL *crl;
};

/* What a certificate says. */
struct request_for {
	const char *common_name;
	const char *alternatives;   /* "DNS:web-1,URI:canopy://machine/…"; NULL = none */
	const char *usage;          /* "clientAuth", "serverAuth" */
	long begins_in, ends_in;    /* seconds; both 0 = a day from an hour ago */
	long serial;
};

/* All of these abort when OpenSSL fails. */
void authority_make(struct authority *authority, const char *common_name);
/* One between: signed by above. */
void authority_make_below(struct authority *authority, const struct authority *above, const char *common_name, long serial);
void authority_finish(struct authority *authority);
X509 *authority_sign(const struct authority *authority, const struct request_for *request, EVP_PKEY **ret_key);
/* FOLDER/NAME.pem and FOLDER/NAME.key (mode 0600) */
void authority_issue(const struct authority *authority, const struct folder *folder, const char *name,
		     const struct request_for *request);
/* The authority's own certificate behind what FOLDER/NAME holds. */
void authority_append(const struct authority *authority, const struct folder *folder, const char *name);
/* FOLDER/NAME: the authority's own certificate. */
void authority_write(const struct authority *authority, const struct folder *folder, const char *name);
/* FOLDER/NAME: a revocation list with everything revoked so far. */
void authority_revoke(struct authority *authority, long serial);
void authority_write_revocations(struct authority *authority, const struct folder *folder, const char *name);
/* The same behind what FOLDER/NAME holds. */
void authority_append_revocations(struct authority *authority, const struct folder *folder, const char *name);

#endif
