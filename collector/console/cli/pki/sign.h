/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and revocation lists by OpenSSL, in memory: P-256, since every peer of these years takes it. */
#ifndef CANOPY_CONSOLE_CLI_PKI_SIGN_H
#define CANOPY_CONSOLE_CLI_PKI_SIGN_H

#include <openssl/x509.h>

#include "collector/console/cli/pki/index.h"

#define PKI_ALTERNATIVES_MAX 16u /* names and numbers of one collector */

struct pki_authority {
	EVP_PKEY *key; /* owned */
	X509 *x509;    /* owned */
};

#define PKI_AUTHORITY_NULL ((struct pki_authority){NULL, NULL})

/* A new one, good for that many days. Errors of all here: -ENOMEM, which stands for any failure of OpenSSL with data that
 * is sound. */
int pki_authority_make(struct pki_authority *ret, const char *name, unsigned days);
/* From what pki_pem wrote. -EINVAL: not a certificate and the key that belongs to it. */
int pki_authority_read(struct pki_authority *ret, const char *pem, size_t pem_len, const char *key, size_t key_len);
void pki_authority_finish(struct pki_authority *authority);
int pki_authority_write(const struct pki_authority *authority, struct text *certificate, struct text *key);
int64_t pki_authority_ends(const struct pki_authority *authority);

struct pki_request {
	enum pki_kind kind;
	const char *name;
	const char *alternatives[PKI_ALTERNATIVES_MAX]; /* of a collector: names and numbers, name among them */
	size_t alternative_count;
	const uint8_t *machine; /* of a sensor; NULL = any */
	unsigned days;
};

/* Signs; fills *ret_entry for the index. The certificate never outlives the authority. */
int pki_sign(const struct pki_authority *authority, const struct pki_request *request, struct pki_entry *ret_entry,
	     struct text *certificate, struct text *key);

/* Whether a certificate stands for all names and numbers of the request. */
bool pki_certificate_names(const char *pem, size_t len, const struct pki_request *request);

/* A list of all that the index calls revoked, as long good as the authority. */
int pki_revocations(const struct pki_authority *authority, const struct pki_index *index, struct text *ret);

#endif
