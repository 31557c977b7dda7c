/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/seglog/parse.h"
#include "proto/seglog/segment.h"

static const uint8_t salt[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static struct parse_header header_of(void)
{
	return (struct parse_header){.version = FORMAT_VERSION,
				     .kind = 2,
				     .id = 0x1122334455667788,
				     .first = 42,
				     .previous_first = 7,
				     .previous_end = 42,
				     .previous_bytes = 4096};
}

static void the_header_is_what_the_description_says(void **state)
{
	struct parse_header header = header_of();
	uint8_t data[FORMAT_DATA_OFFSET];

	(void)state;
	parse_header_write(data, &header, salt);
	assert_memory_equal(data, "CNPYSEGM\x02\0\0\0\x02\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11\x2a\0\0\0\0\0\0\0", 32);
	assert_memory_equal(data + 40, salt, 8);
	assert_memory_equal(data, data + FORMAT_COPY_OFFSET, 128);
}

static void either_copy_of_the_header_suffices(void **state)
{
	struct parse_header header = header_of(), read;
	uint8_t data[FORMAT_DATA_OFFSET];

	(void)state;
	for (size_t i = 0; i < sizeof(struct format_header); i++) {
		parse_header_write(data, &header, salt);
		data[i] ^= 0x10;
		assert_int_equal(parse_header(data, sizeof(data), &read), 0);
		assert_memory_equal(&read, &header, offsetof(struct parse_header, seed) + sizeof(read.seed));
		data[FORMAT_COPY_OFFSET + i] ^= 0x01;
		assert_int_equal(parse_header(data, sizeof(data), &read), -EBADMSG);
	}
	parse_header_write(data, &header, salt);
	assert_int_equal(parse_header(data, sizeof(struct format_header), &read), 0);
	assert_int_equal(parse_header(data, sizeof(struct format_header) - 1, &read), -EBADMSG);
	assert_int_equal(parse_header(data, 0, &read), -EBADMSG);
}

static size_t make_record(uint32_t seed, uint64_t number, const char *text, uint8_t *data)
{
	struct format_record record = {.length = htole32((uint32_t)strlen(text)), .type = 3, .number = htole64(number)};

	memset(data, 0, 64);
	memcpy(data, &record, sizeof(record));
	memcpy(data + sizeof(record), text, strlen(text));
	return (size_t)parse_record_seal(seed, data);
}

static void a_record_comes_back(void **state)
{
	struct seglog_record record;
	uint8_t data[64];
	uint64_t size;
	size_t len = make_record(99, 5, "hello", data);

	(void)state;
	assert_int_equal(len, 32);
	assert_int_equal(parse_record(99, 5, 0, data, len, &record, &size), 0);
	assert_int_equal(size, 32);
	assert_int_equal(record.number, 5);
	assert_int_equal(record.type, 3);
	assert_int_equal(record.payload.len, 5);
	assert_memory_equal(record.payload.data, "hello", 5);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(parse_record(99, 5, 0, data, cut, &record, &size), PARSE_E_MORE);
		assert_int_equal(size, cut < 24 ? 24 : 32);
	}
}

static void no_flipped_bit_passes(void **state)
{
	struct seglog_record record;
	uint8_t data[64];
	uint64_t size;

	(void)state;
	for (size_t bit = 0; bit < (24 + 5) * 8; bit++) {
		size_t len = make_record(99, 5, "hello", data);

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(parse_record(99, 5, 1000, data, len, &record, &size), PARSE_E_DAMAGED);
		/* Behind an intact header the next record is known, behind a damaged one it must be searched for. */
		assert_int_equal(size, bit < 24 * 8 ? FORMAT_ALIGN : 32);
	}
}

static void a_number_must_fit_its_place(void **state)
{
	struct seglog_record record;
	uint8_t data[64];
	uint64_t size;
	size_t len = make_record(99, 5, "hello", data);

	(void)state;
	assert_int_equal(parse_record(99, 6, 1000, data, len, &record, &size), PARSE_E_DAMAGED);
	assert_int_equal(parse_record(99, 4, 0, data, len, &record, &size), PARSE_E_DAMAGED);
	assert_int_equal(parse_record(99, 4, 23, data, len, &record, &size), PARSE_E_DAMAGED);
	assert_int_equal(parse_record(99, 4, 24, data, len, &record, &size), 0);
	assert_int_equal(parse_record(98, 5, 0, data, len, &record, &size), PARSE_E_DAMAGED);
}

static void what_a_stranger_plants_is_not_found(void **state)
{
	uint8_t data[512];

	(void)state;
	memset(data, 'x', sizeof(data));
	(void)make_record(1, 6, "planted", data + 64); /* whole, but of another seed */
	(void)make_record(99, 7, "real", data + 256);
	assert_int_equal(parse_search(99, 5, 100, data, sizeof(data)), 256);
	assert_int_equal(parse_search(99, 8, 100, data, sizeof(data)), sizeof(data) - 16);
	assert_int_equal(parse_search(99, 5, 100, data, 23), 0);
}

static void names_are_numbers(void **state)
{
	char name[SEGMENT_NAME_BYTES];
	uint64_t number = 0;

	(void)state;
	segment_name(name, UINT64_MAX);
	assert_string_equal(name, "18446744073709551615.seg");
	assert_true(segment_number(name, &number));
	assert_true(number == UINT64_MAX);
	assert_false(segment_number("18446744073709551616.seg", &number));
	assert_false(segment_number("00000000000000000000.seg", &number));
	assert_false(segment_number("00000000000000000001.seg.bak", &number));
	assert_false(segment_number("0000000000000000001.seg", &number));
	assert_false(segment_number("", &number));
	assert_true(segment_number("00000000000000000001.seg", &number));
	assert_int_equal(number, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_header_is_what_the_description_says),
	    cmocka_unit_test(either_copy_of_the_header_suffices),
	    cmocka_unit_test(a_record_comes_back),
	    cmocka_unit_test(no_flipped_bit_passes),
	    cmocka_unit_test(a_number_must_fit_its_place),
	    cmocka_unit_test(what_a_stranger_plants_is_not_found),
	    cmocka_unit_test(names_are_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
