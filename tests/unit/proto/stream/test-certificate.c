/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/stream/certificate.h"
#include "tests/unit/authority.h"

#define MACHINE "0123456789abcdef0123456789abcdef"

static const uint8_t machine[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
static const uint8_t other_machine[16] = {1};

static struct certificate made(const char *common_name, const char *alternatives)
{
	struct certificate certificate;
	struct authority authority;
	EVP_PKEY *key;
	X509 *x509;

	authority_make(&authority, "test authority");
	x509 = authority_sign(&authority, &(struct request_for){common_name, alternatives, "clientAuth", 0, 0, 0x1234}, &key);
	certificate_read(x509, &certificate);
	X509_free(x509);
	EVP_PKEY_free(key);
	authority_finish(&authority);
	return certificate;
}

static void machine_uris(void **state)
{
	static const struct {
		const char *uri;
		bool good;
	} samples[] = {
	    {"canopy://machine/" MACHINE, true},
	    {"canopy://machine/01234567-89ab-cdef-0123-456789abcdef", true},
	    {"CANOPY://machine/0123456789ABCDEF0123456789ABCDEF", true},
	    {"canopy://machine/", false},
	    {"canopy://machine/0123456789abcdef0123456789abcde", false},
	    {"canopy://machine/" MACHINE "0", false},
	    {"canopy://machine/" MACHINE "/", false},
	    {"canopy://machine/0123456789abcdeg0123456789abcdef", false},
	    {"https://machine/" MACHINE, false},
	    {"", false},
	};
	char text[CERTIFICATE_MACHINE_URI_MAX];
	uint8_t parsed[16];

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		memset(parsed, 0, sizeof(parsed));
		assert_int_equal(certificate_machine_parse(bytes_from_string(samples[i].uri), parsed), samples[i].good);
		if (samples[i].good)
			assert_memory_equal(parsed, machine, sizeof(parsed));
	}
	assert_false(certificate_machine_parse(bytes_make("canopy://machine/\0" MACHINE, 50), parsed));
	certificate_machine_format(machine, text);
	assert_string_equal(text, "canopy://machine/" MACHINE);
}

static void names_are_read(void **state)
{
	struct certificate certificate = made("ignored", "DNS:web-1,DNS:web-1.example,DNS:*.example,URI:https://x/,IP:127.0.0.1");

	(void)state;
	assert_int_equal(certificate.name_count, 2); /* a wildcard is no host */
	assert_string_equal(certificate.names[1], "web-1.example");
	assert_false(certificate.machine_known);
	assert_string_equal(certificate.serial, "1234");
	certificate = made("lonely", NULL);
	assert_int_equal(certificate.name_count, 1);
	assert_string_equal(certificate.names[0], "lonely");
	certificate = made("no host name", NULL);
	assert_int_equal(certificate.name_count, 0);
	certificate = made("x", "DNS:a,DNS:b,DNS:c,DNS:d,DNS:e,DNS:f,DNS:g,DNS:h,DNS:i,DNS:j");
	assert_int_equal(certificate.name_count, CERTIFICATE_NAMES_MAX);
}

static void judged(const struct certificate *certificate, const char *host, const uint8_t *machine_id, enum certificate_verdict verdict)
{
	assert_int_equal(certificate_judge(certificate, bytes_from_string(host), machine_id), verdict);
}

static void a_certificate_fits_one_host(void **state)
{
	struct certificate bound = made("x", "DNS:web-1.example.com,URI:canopy://machine/" MACHINE);
	struct certificate by_name = made("x", "DNS:web-1");
	struct certificate twice = made("x", "DNS:web-1,URI:canopy://machine/" MACHINE ",URI:canopy://machine/" MACHINE);
	struct certificate broken = made("x", "DNS:web-1,URI:canopy://machine/12");

	(void)state;
	judged(&bound, "web-1", machine, CERTIFICATE_FITS);
	judged(&bound, "WEB-1.example.com", machine, CERTIFICATE_FITS);
	judged(&bound, "web-1.example", machine, CERTIFICATE_OTHER_HOST);
	judged(&bound, "web", machine, CERTIFICATE_OTHER_HOST);
	judged(&bound, "", machine, CERTIFICATE_OTHER_HOST);
	judged(&bound, "web-1.example.com.evil", machine, CERTIFICATE_OTHER_HOST);
	judged(&bound, "web-1", other_machine, CERTIFICATE_OTHER_MACHINE);
	judged(&bound, "web-1", NULL, CERTIFICATE_OTHER_MACHINE);
	judged(&by_name, "web-1", other_machine, CERTIFICATE_FITS);
	judged(&by_name, "web-1", NULL, CERTIFICATE_FITS);
	judged(&by_name, "web-1.example", NULL, CERTIFICATE_OTHER_HOST);
	judged(&twice, "web-1", machine, CERTIFICATE_OTHER_MACHINE);
	judged(&broken, "web-1", machine, CERTIFICATE_OTHER_MACHINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(machine_uris),
	    cmocka_unit_test(names_are_read),
	    cmocka_unit_test(a_certificate_fits_one_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
