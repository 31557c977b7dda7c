/* SPDX-License-Identifier: Apache-2.0 */
/* A buffer keeps its bytes while it grows, over the step to huge pages as well, and gives back what a burst has left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/seglog/buffer.h"

#define STEP ((size_t)10007)
#define MIB ((size_t)1024 * 1024)

static void append(struct seglog_buffer *buffer, size_t len)
{
	assert_int_equal(seglog_buffer_reserve(buffer, len), 0);
	assert_true(buffer->capacity - buffer->len >= len);
	for (size_t i = 0; i < len; i++)
		buffer->data[buffer->len + i] = (uint8_t)((buffer->len + i) % 251);
	buffer->len += len;
}

static void growing_loses_nothing(void **state)
{
	struct seglog_buffer buffer = {0};

	(void)state;
	while (buffer.len < 5 * MIB)
		append(&buffer, STEP);
	for (size_t i = 0; i < buffer.len; i++)
		assert_int_equal(buffer.data[i], i % 251);
	seglog_buffer_free(&buffer);
	assert_null(buffer.data);
	append(&buffer, 1); /* as good as new */
	seglog_buffer_free(&buffer);
}

static void a_steady_stream_keeps_its_memory(void **state)
{
	struct seglog_buffer buffer = {0};
	const uint8_t *data;

	(void)state;
	append(&buffer, MIB);
	data = buffer.data;
	for (unsigned i = 0; i < 5; i++) {
		seglog_buffer_reset(&buffer);
		assert_int_equal(buffer.len, 0);
		append(&buffer, MIB / 2);
		assert_ptr_equal(buffer.data, data);
	}
	seglog_buffer_free(&buffer);
}

static void a_burst_is_given_back(void **state)
{
	struct seglog_buffer buffer = {0};

	(void)state;
	append(&buffer, 16 * MIB);
	for (unsigned i = 0; i < 16; i++) {
		seglog_buffer_reset(&buffer);
		append(&buffer, STEP);
	}
	assert_true(buffer.capacity <= MIB / 4);
	seglog_buffer_free(&buffer);
}

static void a_log_at_rest_keeps_little(void **state)
{
	struct seglog_buffer buffer = {0};

	(void)state;
	append(&buffer, 16 * MIB);
	seglog_buffer_rest(&buffer);
	assert_int_equal(buffer.len, 16 * MIB); /* what is in it stays */
	seglog_buffer_reset(&buffer);
	seglog_buffer_rest(&buffer);
	assert_int_equal(buffer.capacity, 0);
	for (unsigned i = 0; i < 8; i++) { /* the burst is forgotten by halves */
		append(&buffer, STEP);
		seglog_buffer_reset(&buffer);
		seglog_buffer_rest(&buffer);
	}
	assert_true(buffer.capacity >= STEP);
	seglog_buffer_free(&buffer);
}

/* Under load a log rests for a moment after each commit, until its peers have heard of it. */
static void after_a_rest_it_grows_at_once(void **state)
{
	struct seglog_buffer buffer = {0};
	const uint8_t *data;

	(void)state;
	append(&buffer, 3 * MIB);
	seglog_buffer_reset(&buffer);
	seglog_buffer_rest(&buffer);
	assert_null(buffer.data);
	append(&buffer, STEP);
	data = buffer.data;
	while (buffer.len + STEP <= 3 * MIB)
		append(&buffer, STEP);
	assert_ptr_equal(buffer.data, data);
	seglog_buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(growing_loses_nothing),
	    cmocka_unit_test(a_steady_stream_keeps_its_memory),
	    cmocka_unit_test(a_burst_is_given_back),
	    cmocka_unit_test(a_log_at_rest_keeps_little),
	    cmocka_unit_test(after_a_rest_it_grows_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
