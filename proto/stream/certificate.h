/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate says about its owner: names and machine id. Parsing alone, no I/O and no judgement of trust. */
#ifndef CANOPY_PROTO_STREAM_CERTIFICATE_H
#define CANOPY_PROTO_STREAM_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"

#define CERTIFICATE_NAMES_MAX 8u  /* names that are looked at; a host has one or two */
#define CERTIFICATE_NAME_MAX 255u /* bytes: RFC 1035 */
#define CERTIFICATE_SERIAL_MAX 41u /* hexadecimal digits of 20 octets (RFC 5280) and NUL */
#define CERTIFICATE_MACHINE_SCHEME "canopy://machine/"
#define CERTIFICATE_MACHINE_URI_MAX (sizeof(CERTIFICATE_MACHINE_SCHEME) + 32u)

struct x509_st; /* OpenSSL's X509 */

struct certificate {
	char names[CERTIFICATE_NAMES_MAX][CERTIFICATE_NAME_MAX + 1]; /* dNSName, or the common name where there is none */
	size_t name_count;
	uint8_t machine_id[16];
	bool machine_known;                  /* the certificate names a machine */
	bool machine_bad;                    /* it names one in a way that cannot be read, or several: fits nobody */
	char serial[CERTIFICATE_SERIAL_MAX]; /* capital hexadecimal digits, as 'openssl x509 -serial' writes it */
	uint8_t digest[32];                  /* SHA-256 of the whole */
};

/* Names with bytes that no host name has are left out, as are those beyond CERTIFICATE_NAMES_MAX. */
void certificate_read(const struct x509_st *x509, struct certificate *ret);

/* canopy://machine/ID with the 32 hexadecimal digits of /etc/machine-id, dashes allowed. Returns whether text is one. */
bool certificate_machine_parse(struct bytes uri, uint8_t ret[16]);
/* text has CERTIFICATE_MACHINE_URI_MAX bytes. */
void certificate_machine_format(const uint8_t machine_id[16], char *text);

/* Whether one of the names is that of the host: equal, or a full name whose first label the host calls itself. Case does
 * not count. */
bool certificate_names_host(const struct certificate *certificate, struct bytes host);

/* The same of one name. */
bool certificate_name_is_of(const char *name, struct bytes host);

enum certificate_verdict {
	CERTIFICATE_FITS,
	CERTIFICATE_OTHER_HOST,
	CERTIFICATE_OTHER_MACHINE,
};
/* Whether a peer that calls itself so may use this certificate. machine_id NULL = it did not tell. */
enum certificate_verdict certificate_judge(const struct certificate *certificate, struct bytes host,
					   const uint8_t *machine_id);

#endif
