/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL has verified the chain when this is read; the names are still the words of whoever asked for the certificate,
 * so that only what can be a host name is taken. */
#include "proto/stream/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool certificate_machine_parse(struct bytes uri, uint8_t ret[16])
{
	static const struct bytes scheme = BYTES_LITERAL(CERTIFICATE_MACHINE_SCHEME);
	uint8_t octets[16] = {0};
	unsigned nibbles = 0;

	if (uri.len <= scheme.len || strncasecmp(uri.data, scheme.data, scheme.len) != 0)
		return false;
	for (uint32_t i = scheme.len; i < uri.len; i++) {
		int digit = hex_digit(uri.data[i]);

		if (uri.data[i] == '-')
			continue;
		if (digit < 0 || nibbles == 32)
			return false;
		octets[nibbles / 2] = (uint8_t)(octets[nibbles / 2] << 4 | digit);
		nibbles++;
	}
	if (nibbles != 32)
		return false;
	memcpy(ret, octets, sizeof(octets));
	return true;
}

void certificate_machine_format(const uint8_t machine_id[16], char *text)
{
	size_t len = strlen(CERTIFICATE_MACHINE_SCHEME);

	memcpy(text, CERTIFICATE_MACHINE_SCHEME, len);
	for (unsigned i = 0; i < 16; i++)
		(void)snprintf(text + len + (size_t)2 * i, 3, "%02x", machine_id[i]);
}

static bool is_host_name(struct bytes name)
{
	if (name.len == 0 || name.len > CERTIFICATE_NAME_MAX)
		return false;
	for (uint32_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		      c == '_'))
			return false;
	}
	return true;
}

static void add_name(struct certificate *certificate, struct bytes name)
{
	if (certificate->name_count == CERTIFICATE_NAMES_MAX || !is_host_name(name))
		return;
	memcpy(certificate->names[certificate->name_count], name.data, name.len);
	certificate->names[certificate->name_count++][name.len] = '\0';
}

static void add_uri(struct certificate *certificate, struct bytes uri)
{
	static const struct bytes scheme = BYTES_LITERAL(CERTIFICATE_MACHINE_SCHEME);

	if (uri.len < scheme.len || strncasecmp(uri.data, scheme.data, scheme.len) != 0)
		return; /* of somebody else's making: none of our business */
	if (certificate->machine_known || !certificate_machine_parse(uri, certificate->machine_id))
		certificate->machine_bad = true;
	certificate->machine_known = true;
}

static struct bytes as_bytes(const ASN1_STRING *string)
{
	int len = string ? ASN1_STRING_length(string) : 0;

	return bytes_make((const char *)ASN1_STRING_get0_data(string), len > 0 ? (size_t)len : 0);
}

static void read_alternatives(const X509 *x509, struct certificate *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			add_name(certificate, as_bytes(name->d.dNSName));
		else if (name->type == GEN_URI)
			add_uri(certificate, as_bytes(name->d.uniformResourceIdentifier));
	}
	GENERAL_NAMES_free(names);
}

/* Small certificate authorities still put the name nowhere else. */
static void read_common_name(const X509 *x509, struct certificate *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	int at = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;

	if (at >= 0)
		add_name(certificate, as_bytes(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

static void read_serial(const X509 *x509, struct certificate *certificate)
{
	static const char digits[] = "0123456789ABCDEF";
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	struct bytes octets = as_bytes(serial);
	size_t at = 0;

	for (uint32_t i = 0; i < octets.len && at + 2 < sizeof(certificate->serial); i++) {
		certificate->serial[at++] = digits[(uint8_t)octets.data[i] >> 4];
		certificate->serial[at++] = digits[octets.data[i] & 15];
	}
	certificate->serial[at] = '\0';
}

void certificate_read(const struct x509_st *x509, struct certificate *ret)
{
	unsigned len = sizeof(ret->digest);

	memset(ret, 0, sizeof(*ret));
	read_alternatives(x509, ret);
	if (ret->name_count == 0)
		read_common_name(x509, ret);
	read_serial(x509, ret);
	if (X509_digest(x509, EVP_sha256(), ret->digest, &len) != 1)
		memset(ret->digest, 0, sizeof(ret->digest));
}

bool certificate_name_is_of(const char *name, struct bytes host)
{
	size_t len = strlen(name);

	if (host.len == 0 || len < host.len || strncasecmp(name, host.data, host.len) != 0)
		return false;
	return len == host.len || (name[host.len] == '.' && !memchr(host.data, '.', host.len));
}

bool certificate_names_host(const struct certificate *certificate, struct bytes host)
{
	for (size_t i = 0; i < certificate->name_count; i++)
		if (certificate_name_is_of(certificate->names[i], host))
			return true;
	return false;
}

enum certificate_verdict certificate_judge(const struct certificate *certificate, struct bytes host,
					   const uint8_t *machine_id)
{
	if (!certificate_names_host(certificate, host))
		return CERTIFICATE_OTHER_HOST;
	if (!certificate->machine_known)
		return CERTIFICATE_FITS;
	if (certificate->machine_bad || !machine_id ||
	    memcmp(certificate->machine_id, machine_id, sizeof(certificate->machine_id)) != 0)
		return CERTIFICATE_OTHER_MACHINE;
	return CERTIFICATE_FITS;
}
