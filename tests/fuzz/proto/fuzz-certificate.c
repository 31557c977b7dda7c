/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate (DER) of anyone whose authority signs anything, and the URI that names a machine. */
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/stream/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct certificate *certificate)
{
	if (certificate->name_count > CERTIFICATE_NAMES_MAX)
		abort();
	for (size_t i = 0; i < certificate->name_count; i++)
		if (!memchr(certificate->names[i], '\0', sizeof(certificate->names[i])))
			abort();
	if (certificate_judge(certificate, BYTES_NULL, NULL) == CERTIFICATE_FITS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificate certificate;
	const unsigned char *at = data;
	X509 *x509 = d2i_X509(NULL, &at, (long)size);
	uint8_t machine[16];

	(void)certificate_machine_parse(bytes_make(data, size), machine);
	if (x509) {
		certificate_read(x509, &certificate);
		check(&certificate);
	}
	X509_free(x509);
	return 0;
}
