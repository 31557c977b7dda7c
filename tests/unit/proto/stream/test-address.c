/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/stream/address.h"

static void assert_parsed(const char *text, const char *host, unsigned port)
{
	struct address address;

	assert_int_equal(address_parse(text, &address, NULL), 0);
	assert_string_equal(address.host, host);
	assert_int_equal(address.port, port);
}

static void assert_refused(const char *text, const char *why_part)
{
	struct address address = {"untouched", 7};
	const char *why = NULL;

	assert_int_equal(address_parse(text, &address, &why), -EINVAL);
	assert_non_null(why);
	assert_non_null(strstr(why, why_part));
	assert_string_equal(address.host, "untouched");
}

static void parses_names_and_numbers(void **state)
{
	(void)state;
	assert_parsed("collector.example:4317", "collector.example", 4317);
	assert_parsed("127.0.0.1:0", "127.0.0.1", 0);
	assert_parsed("[::1]:65535", "::1", 65535);
	assert_parsed("[fe80::1%lo]:1", "fe80::1%lo", 1);
	assert_parsed(":9", "", 9);
	assert_parsed("*:9", "*", 9);
}

static void refuses_what_is_no_address(void **state)
{
	char longest[300];

	(void)state;
	assert_refused("", "port is missing");
	assert_refused("host", "port is missing");
	assert_refused("host:", "not a number");
	assert_refused("host:65536", "not a number");
	assert_refused("host:-1", "not a number");
	assert_refused("host:123456", "not a number");
	assert_refused("host:8x", "not a number");
	assert_refused("::1:80", "brackets");
	assert_refused("[::1:80", "closing ]");
	assert_refused("[::1]80", "port is missing");
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 296, ":80", 4);
	assert_refused(longest, "longer than 255");
}

static void assert_round_trip(const char *text, const char *expected)
{
	struct sockaddr_storage name;
	char out[ADDRESS_TEXT_MAX];
	struct address address;

	assert_int_equal(address_parse(text, &address, NULL), 0);
	assert_int_equal(address_to_sockaddr(&address, &name), 0);
	address_format((const struct sockaddr *)&name, out);
	assert_string_equal(out, expected);
}

static void writes_what_it_read(void **state)
{
	struct sockaddr_storage name;
	struct address address;

	(void)state;
	assert_round_trip("192.0.2.7:80", "192.0.2.7:80");
	assert_round_trip("[2001:db8::1]:80", "[2001:db8::1]:80");
	assert_round_trip("[::ffff:192.0.2.7]:80", "192.0.2.7:80");
	assert_round_trip("*:80", "[::]:80");
	assert_int_equal(address_parse("name:80", &address, NULL), 0);
	assert_int_equal(address_to_sockaddr(&address, &name), -EINVAL);
	assert_int_equal(address_parse("[fe80::1%nosuchinterface]:80", &address, NULL), 0);
	assert_int_equal(address_to_sockaddr(&address, &name), -EINVAL);
}

static struct sockaddr_storage sockaddr_of(const char *text)
{
	struct sockaddr_storage name;
	struct address address;

	assert_int_equal(address_parse(text, &address, NULL), 0);
	assert_int_equal(address_to_sockaddr(&address, &name), 0);
	return name;
}

static void keys_do_not_depend_on_port_or_family(void **state)
{
	struct sockaddr_storage v4 = sockaddr_of("192.0.2.7:1"), mapped = sockaddr_of("[::ffff:192.0.2.7]:2");
	struct sockaddr_storage other = sockaddr_of("192.0.2.8:1");
	uint8_t a[16], b[16], c[16];

	(void)state;
	address_key((const struct sockaddr *)&v4, a);
	address_key((const struct sockaddr *)&mapped, b);
	address_key((const struct sockaddr *)&other, c);
	assert_memory_equal(a, b, 16);
	assert_memory_not_equal(a, c, 16);
}

static void check_keys(const char *one, const char *other, bool same)
{
	struct sockaddr_storage a = sockaddr_of(one), b = sockaddr_of(other);
	uint8_t key_a[16], key_b[16];

	address_key((const struct sockaddr *)&a, key_a);
	address_key((const struct sockaddr *)&b, key_b);
	if ((memcmp(key_a, key_b, 16) == 0) != same)
		fail_msg("%s and %s", one, other);
}

/* A host has a whole /64 to choose from. */
static void keys_of_v6_are_those_of_its_64(void **state)
{
	(void)state;
	check_keys("[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:2", true);
	check_keys("[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false);
	check_keys("[::1]:1", "[::2]:1", false);
	check_keys("[::ffff:192.0.2.7]:1", "[::ffff:192.0.2.8]:1", false);
	check_keys("[::ffff:192.0.2.7]:1", "[::1]:1", false);
}

static void writes_v6_whole(void **state)
{
	struct sockaddr_storage name = sockaddr_of("[2001:db8:1:2::7]:1");
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	address_format((const struct sockaddr *)&name, text);
	assert_string_equal(text, "[2001:db8:1:2::7]:1");
}

static void knows_loopback(void **state)
{
	static const struct {
		const char *text;
		bool loopback;
	} rows[] = {{"127.0.0.1:1", true}, {"127.9.9.9:1", true}, {"[::1]:1", true},     {"[::ffff:127.0.0.1]:1", true},
		    {"0.0.0.0:1", false},  {"[::]:1", false},     {"128.0.0.1:1", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sockaddr_storage name = sockaddr_of(rows[i].text);

		assert_int_equal(address_is_loopback((const struct sockaddr *)&name), rows[i].loopback);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_names_and_numbers), cmocka_unit_test(refuses_what_is_no_address),
	    cmocka_unit_test(writes_what_it_read),      cmocka_unit_test(keys_do_not_depend_on_port_or_family),
	    cmocka_unit_test(keys_of_v6_are_those_of_its_64),
	    cmocka_unit_test(writes_v6_whole),
	    cmocka_unit_test(knows_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
