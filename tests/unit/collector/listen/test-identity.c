/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/listen/identity.h"

static struct hello hello_of(const char *host, bool machine_known)
{
	struct hello hello = {.hostname = bytes_from_string(host), .machine_id_known = machine_known};

	memset(hello.machine_id, 7, sizeof(hello.machine_id));
	return hello;
}

static void check(const struct certificate *certificate, const char *host, bool machine_known, const char *says)
{
	struct hello hello = hello_of(host, machine_known);
	struct ingest_refusal refusal;
	int r = identity_check(certificate, &hello, &refusal);

	assert_int_equal(r, says ? INGEST_E_REFUSED : 0);
	if (!says)
		return;
	assert_int_equal(refusal.code, REJECT_IDENTITY);
	assert_non_null(strstr(refusal.reason, says));
}

static void a_certificate_speaks_for_its_host(void **state)
{
	struct certificate certificate = {.names = {"web-1.example"}, .name_count = 1, .machine_known = true};

	(void)state;
	memset(certificate.machine_id, 7, sizeof(certificate.machine_id));
	check(&certificate, "web-1", true, NULL);
	check(&certificate, "web-1.example", true, NULL);
	check(&certificate, "web-2", true, "the certificate is of web-1.example, the Hello of host 'web-2'");
	check(&certificate, "", true, "the Hello of host ''");
	check(&certificate, "web-1", false, "bound to another machine id");
	certificate.machine_id[15] = 8;
	check(&certificate, "web-1", true, "bound to another machine id");
	certificate.machine_known = false;
	check(&certificate, "web-1", false, NULL);
	check(NULL, "web-1", true, "no certificate was shown");
	certificate.name_count = 0;
	check(&certificate, "web-1", true, "of nobody");
}

/* Names are the peer's: the reason stays within its bound. */
static void long_names_are_cut(void **state)
{
	struct certificate certificate = {.name_count = 1};
	char host[300];

	(void)state;
	memset(certificate.names[0], 'a', CERTIFICATE_NAME_MAX);
	memset(host, 'b', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	check(&certificate, host, true, "make one for that host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_certificate_speaks_for_its_host),
	    cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
