/* SPDX-License-Identifier: Apache-2.0 */
/* A small certificate authority in a folder, for those who have none:
 *
 *   ca.pem, ca.key    the authority; ca.key is never needed outside
 *   crl.pem           whom not to trust any more, for the collector's --tls-crl
 *   index             what was signed
 *   NAME.pem, .key    a certificate and its key
 *
 * A lock keeps two of us apart. Each file is replaced whole or not at all, and what is signed stands in the index before it
 * exists, so that a crash never leaves a certificate that cannot be revoked. Doing a thing twice does it once. */
#ifndef CANOPY_CONSOLE_CLI_PKI_PKI_H
#define CANOPY_CONSOLE_CLI_PKI_PKI_H

#include "collector/console/cli/pki/index.h"
#include "collector/console/cli/pki/sign.h"

#define PKI_AUTHORITY_DAYS 3650u
#define PKI_DAYS 397u            /* of what is signed, unless told otherwise: browsers take no longer ones */
#define PKI_RENEW_SECONDS 2592000 /* what ends within 30 days is made anew when asked for again */

struct pki {
	const char *dir; /* borrowed */
	int lock;
	struct pki_index index;
	struct pki_authority authority;
	char *why; /* owned; after an error: names file, value and remedy */
};

#define PKI_NULL ((struct pki){.lock = -1})

enum {
	PKI_E_EXISTS = 1, /* nothing was to be done */
};

/* Opens the folder; make: and the authority in it, if there is none yet (PKI_E_EXISTS if there is). Errors: -errno,
 * -EINVAL, -EACCES, with pki->why. Whatever is returned, pki_close follows. */
int pki_open(struct pki *pki, const char *dir, bool make, const char *name, unsigned days);
void pki_close(struct pki *pki);

/* NAME.pem and NAME.key. *ret_entry is filled also with PKI_E_EXISTS: one that is good for a while is there. -EEXIST: one
 * that says something else is there. */
int pki_issue(struct pki *pki, const struct pki_request *request, struct pki_entry *ret_entry);

/* By name (every certificate of it) or serial. *ret_count: how many were revoked now. -ENOENT: none is known. */
int pki_revoke(struct pki *pki, const char *what, size_t *ret_count);

#endif
