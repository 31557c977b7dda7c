/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/probe/ring.h"
#include "tests/unit/sensor/probe/fake-ring.h"

#define SMALL ((size_t)64 * 1024) /* as large as the window, or smaller */
#define LARGE ((size_t)1024 * 1024)
#define RECORD_MAX 60000u

/* What record number n holds: its length and bytes follow from n. */
struct heard {
	uint32_t count;
	int answer; /* to the record number answer_at */
	uint32_t answer_at;
};

static uint32_t length_of(uint32_t n, uint32_t max)
{
	return 4 + (n * 2654435761u >> 7) % (max - 4);
}

static void fill(uint32_t n, uint8_t *to, uint32_t len)
{
	memcpy(to, &n, sizeof(n));
	for (uint32_t i = sizeof(n); i < len; i++)
		to[i] = (uint8_t)(n * 31 + i);
}

static int on_record(void *owner, const void *data, size_t len)
{
	static uint8_t expected[RECORD_MAX];
	struct heard *heard = owner;
	uint32_t n;

	memcpy(&n, data, sizeof(n));
	assert_int_equal(n, heard->count);
	fill(n, expected, (uint32_t)len);
	assert_memory_equal(data, expected, len);
	heard->count++;
	return heard->answer_at == n ? heard->answer : 0;
}

static unsigned long write_record(struct fake_ring *fake, uint32_t n, uint32_t len, uint32_t flags)
{
	static uint8_t record[RECORD_MAX];

	fill(n, record, len);
	return fake_ring_write(fake, record, len, flags);
}

static void records_come_in_order(void **state)
{
	struct heard heard = {.answer_at = UINT32_MAX};
	struct fake_ring fake;
	struct ring *ring;

	(void)state;
	fake_ring_open(&fake, SMALL);
	assert_int_equal(ring_create(&ring, fake.fd, SMALL), 0);
	assert_int_equal(ring_size(ring), SMALL);
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, 0);
	for (uint32_t n = 0; n < 9; n++)
		(void)write_record(&fake, n, 4 + n, 0); /* lengths that need padding, and one that needs none */
	assert_int_equal(ring_used(ring), *fake_ring_producer(&fake));
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, 9);
	assert_int_equal(ring_used(ring), 0);
	assert_int_equal(*fake_ring_consumer(&fake), *fake_ring_producer(&fake)); /* the kernel sees that there is room */
	ring_destroy(ring);
	fake_ring_close(&fake);
}

/* Many times around, in rings below and above the window, with records that lie across every boundary. */
static void the_window_follows_the_ring(void **state)
{
	static const struct {
		size_t bytes;
		uint32_t longest, records;
	} cases[] = {{SMALL, 600, 3000}, {SMALL, 30000, 300}, {LARGE, 700, 20000}, {LARGE, RECORD_MAX, 1500}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = {.answer_at = UINT32_MAX};
		struct fake_ring fake;
		struct ring *ring;

		fake_ring_open(&fake, cases[i].bytes);
		assert_int_equal(ring_create(&ring, fake.fd, cases[i].bytes), 0);
		for (uint32_t n = 0; n < cases[i].records; n++) {
			if (ring_used(ring) + cases[i].longest + 16 > cases[i].bytes)
				assert_int_equal(ring_consume(ring, on_record, &heard), 0);
			(void)write_record(&fake, n, length_of(n, cases[i].longest), 0);
		}
		assert_int_equal(ring_consume(ring, on_record, &heard), 0);
		assert_int_equal(heard.count, cases[i].records);
		ring_destroy(ring);
		fake_ring_close(&fake);
	}
}

static void those_behind_an_open_record_wait(void **state)
{
	struct heard heard = {.answer_at = UINT32_MAX};
	struct fake_ring fake;
	struct ring *ring;
	unsigned long open;

	(void)state;
	fake_ring_open(&fake, SMALL);
	assert_int_equal(ring_create(&ring, fake.fd, SMALL), 0);
	(void)write_record(&fake, 0, 100, 0);
	open = write_record(&fake, 1, 100, BPF_RINGBUF_BUSY_BIT);
	(void)write_record(&fake, 2, 100, 0);
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, 1);
	assert_true(ring_used(ring) > 0);
	fake_ring_settle(&fake, open, 100, 0);
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, 3);
	ring_destroy(ring);
	fake_ring_close(&fake);
}

static void discarded_records_are_passed_over(void **state)
{
	struct heard heard = {.answer_at = UINT32_MAX};
	struct fake_ring fake;
	struct ring *ring;

	(void)state;
	fake_ring_open(&fake, SMALL);
	assert_int_equal(ring_create(&ring, fake.fd, SMALL), 0);
	(void)write_record(&fake, 7, 333, BPF_RINGBUF_DISCARD_BIT);
	(void)write_record(&fake, 0, 100, 0);
	(void)write_record(&fake, 8, 20000, BPF_RINGBUF_DISCARD_BIT);
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, 1);
	assert_int_equal(ring_used(ring), 0);
	ring_destroy(ring);
	fake_ring_close(&fake);
}

static void a_refusal_stops_behind_its_record(void **state)
{
	struct heard heard = {.answer = -EAGAIN, .answer_at = 1};
	struct fake_ring fake;
	struct ring *ring;

	(void)state;
	fake_ring_open(&fake, SMALL);
	assert_int_equal(ring_create(&ring, fake.fd, SMALL), 0);
	for (uint32_t n = 0; n < 3; n++)
		(void)write_record(&fake, n, 100, 0);
	assert_int_equal(ring_consume(ring, on_record, &heard), -EAGAIN);
	assert_int_equal(heard.count, 2);
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, 3);
	ring_destroy(ring);
	fake_ring_close(&fake);
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
	struct ring *ring = NULL;

	(void)state;
	assert_int_equal(ring_create(&ring, -1, SMALL), -EBADF);
	assert_null(ring);
	ring_destroy(NULL);
}

/* As a kernel without memory for it: what was mapped at the place is gone before the refusal. */
static bool no_memory;

void *__real_mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (!no_memory)
		return __real_mmap64(at, len, protection, flags, fd, offset);
	if (flags & MAP_FIXED)
		(void)munmap(at, len);
	errno = ENOMEM;
	return MAP_FAILED;
}

static void without_memory_the_window_stays(void **state)
{
	struct heard heard = {.answer_at = UINT32_MAX};
	struct fake_ring fake;
	struct ring *ring;
	uint32_t n = 0, before;

	(void)state;
	fake_ring_open(&fake, LARGE);
	assert_int_equal(ring_create(&ring, fake.fd, LARGE), 0);
	for (; n < 10; n++)
		(void)write_record(&fake, n, 30000, 0); /* more than a window holds */
	no_memory = true;
	assert_int_equal(ring_consume(ring, on_record, &heard), -ENOMEM); /* before there is one */
	no_memory = false;
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	for (; n < 20; n++)
		(void)write_record(&fake, n, 30000, 0);
	no_memory = true;
	assert_int_equal(ring_consume(ring, on_record, &heard), -ENOMEM);
	before = heard.count;
	assert_int_equal(ring_consume(ring, on_record, &heard), -ENOMEM); /* looks again at where it stood */
	assert_int_equal(heard.count, before);
	no_memory = false;
	assert_int_equal(ring_consume(ring, on_record, &heard), 0);
	assert_int_equal(heard.count, n);
	ring_destroy(ring);
	fake_ring_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_in_order),
		cmocka_unit_test(the_window_follows_the_ring),
		cmocka_unit_test(those_behind_an_open_record_wait),
		cmocka_unit_test(discarded_records_are_passed_over),
		cmocka_unit_test(a_refusal_stops_behind_its_record),
		cmocka_unit_test(what_cannot_be_mapped_is_an_error),
		cmocka_unit_test(without_memory_the_window_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
