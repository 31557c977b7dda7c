/* SPDX-License-Identifier: Apache-2.0 */
/* A BPF ring buffer's map made of memory: two pages of positions, and the data twice in a row, kept alike by the writer where the kernel maps one
 * page twice. Include after cmocka.h. */
#ifndef CANOPY_TESTS_FAKE_RING_H
#define CANOPY_TESTS_FAKE_RING_H

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake_ring {
	int fd;
	size_t page, bytes;
	uint8_t *map;
};

static inline size_t fake_ring_size(const struct fake_ring *ring)
{
	return 2 * ring->page + 2 * ring->bytes;
}

static inline void fake_ring_open(struct fake_ring *ring, size_t bytes)
{
	*ring = (struct fake_ring){.page = (size_t)sysconf(_SC_PAGESIZE), .bytes = bytes};
	ring->fd = memfd_create("fake ring", MFD_CLOEXEC);
	assert_true(ring->fd >= 0);
	assert_int_equal(ftruncate(ring->fd, (off_t)fake_ring_size(ring)), 0);
	ring->map = mmap(NULL, fake_ring_size(ring), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	assert_true(ring->map != MAP_FAILED);
}

static inline void fake_ring_close(struct fake_ring *ring)
{
	(void)munmap(ring->map, fake_ring_size(ring));
	(void)close(ring->fd);
}

static inline unsigned long *fake_ring_consumer(const struct fake_ring *ring)
{
	return (unsigned long *)(void *)ring->map;
}

static inline unsigned long *fake_ring_producer(const struct fake_ring *ring)
{
	return (unsigned long *)(void *)(ring->map + ring->page);
}

static inline void fake_ring_put(struct fake_ring *ring, unsigned long position, const void *from, size_t len)
{
	uint8_t *data = ring->map + 2 * ring->page;

	for (size_t i = 0; i < len; i++) {
		size_t at = (position + i) & (ring->bytes - 1);

		data[at] = data[at + ring->bytes] = ((const uint8_t *)from)[i];
	}
}

/* Returns the position of the record; flags: BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT. */
static inline unsigned long fake_ring_write(struct fake_ring *ring, const void *from, uint32_t len, uint32_t flags)
{
	unsigned long position = *fake_ring_producer(ring);
	uint32_t header[2] = {len | flags, 0};
	size_t padded = (BPF_RINGBUF_HDR_SZ + (size_t)len + 7) & ~(size_t)7;

	assert_true(position + padded - *fake_ring_consumer(ring) <= ring->bytes);
	fake_ring_put(ring, position, header, sizeof(header));
	fake_ring_put(ring, position + BPF_RINGBUF_HDR_SZ, from, len);
	*fake_ring_producer(ring) = position + padded;
	return position;
}

/* A record that was reserved is now submitted, or discarded. */
static inline void fake_ring_settle(struct fake_ring *ring, unsigned long position, uint32_t len, uint32_t flags)
{
	uint32_t word = len | flags;

	fake_ring_put(ring, position, &word, sizeof(word));
}

#endif
