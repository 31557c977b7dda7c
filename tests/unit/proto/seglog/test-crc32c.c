/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/seglog/crc32c.h"

/* RFC 3720, appendix B.4 (which prints the bytes of the sum, least significant first). */
static void the_rfc_examples_hold(void **state)
{
	static const uint8_t read_10[48] = {
	    0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
	    0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	};
	uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 32; i++) {
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c(0, read_10, 48), 0xd9963a56);
	assert_int_equal(crc32c_portable(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c_portable(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c_portable(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c_portable(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c_portable(0, read_10, 48), 0xd9963a56);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void both_ways_agree_at_every_length_and_alignment(void **state)
{
	uint8_t data[300];
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	for (size_t start = 0; start < 9; start++)
		for (size_t len = 0; len + start <= sizeof(data); len++)
			assert_int_equal(crc32c(x, data + start, len), crc32c_portable(x, data + start, len));
}

static void it_goes_on_from_a_part(void **state)
{
	static const char text[] = "the segment log is a folder of append-only files";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++)
		assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, sizeof(text) - cut),
				 crc32c(0, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rfc_examples_hold),
	    cmocka_unit_test(both_ways_agree_at_every_length_and_alignment),
	    cmocka_unit_test(it_goes_on_from_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
