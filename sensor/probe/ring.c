/* SPDX-License-Identifier: Apache-2.0 */
/* The map's file holds, page-aligned: the consumer's position (ours to write), the producer's position, and the data twice in a row, so that a record
 * that wraps around can be read in one piece (kernel/bpf/ringbuf.c). A record is a header of eight bytes, whose first word is the length with two
 * flag bits, and the payload, rounded up to eight. Positions only grow; their low bits are the place in the ring. */
#include "sensor/probe/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "canopy/event.h"

/* Moving costs two system calls and a page table entry a page: at this size a few ns an event, and little of it stays resident. */
#define RING_WINDOW_BYTES ((size_t)256 * 1024)

_Static_assert(EVENT_SIZE_MAX + BPF_RINGBUF_HDR_SZ < RING_WINDOW_BYTES / 2, "a record fits the window wherever it begins in a page");

struct ring {
	int fd;
	size_t page;
	size_t bytes;            /* of the ring, a power of two */
	unsigned long *consumer; /* the kernel's own type, at the start of its page */
	const unsigned long *producer;
	const char *window;
	size_t window_bytes;
	size_t window_at;        /* where in the data it begins; SIZE_MAX = nowhere yet */
};

static void *map(const struct ring *ring, size_t bytes, int protection, size_t offset)
{
	void *p = mmap(NULL, bytes, protection, MAP_SHARED, ring->fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

int ring_create(struct ring **ret, int fd, size_t bytes)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int r;

	if (!ring)
		return -ENOMEM;
	ring->fd = fd;
	ring->bytes = bytes;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->window_bytes = bytes < RING_WINDOW_BYTES ? bytes : RING_WINDOW_BYTES;
	ring->window_at = SIZE_MAX;
	ring->consumer = map(ring, ring->page, PROT_READ | PROT_WRITE, 0);
	if (ring->consumer)
		ring->producer = map(ring, ring->page, PROT_READ, ring->page);
	if (!ring->producer) {
		r = -errno;
		ring_destroy(ring);
		return r;
	}
	*ret = ring;
	return 0;
}

void ring_destroy(struct ring *ring)
{
	if (!ring)
		return;
	if (ring->consumer)
		(void)munmap(ring->consumer, ring->page);
	if (ring->producer)
		(void)munmap((void *)ring->producer, ring->page);
	if (ring->window)
		(void)munmap((void *)ring->window, ring->window_bytes);
	free(ring);
}

/* The bytes from position on, len of them at least; NULL when the window cannot be moved there (errno), and then it stays where it is: a mapping
 * over the old one (MAP_FIXED) may fail after that is gone, with nobody to say which of the two lies there. The data is mapped twice, so a window
 * that begins in the first copy never ends behind the second. */
static const char *look(struct ring *ring, unsigned long position, size_t len)
{
	size_t at = position & (ring->bytes - 1);

	if (ring->window_at == SIZE_MAX || at < ring->window_at || at + len > ring->window_at + ring->window_bytes) {
		size_t begin = at & ~(ring->page - 1);
		void *window = map(ring, ring->window_bytes, PROT_READ, 2 * ring->page + begin);

		if (!window)
			return NULL;
		if (ring->window)
			(void)munmap((void *)ring->window, ring->window_bytes);
		ring->window = window;
		ring->window_at = begin;
	}
	return ring->window + (at - ring->window_at);
}

static size_t padded(uint32_t len)
{
	return (BPF_RINGBUF_HDR_SZ + (size_t)len + 7) & ~(size_t)7;
}

/* 1 = a record was read, 0 = none is complete, or -errno, or what record answered. */
static int consume_one(struct ring *ring, unsigned long *position, int (*record)(void *owner, const void *data, size_t len), void *owner)
{
	const char *at = look(ring, *position, BPF_RINGBUF_HDR_SZ);
	uint32_t word, len;
	int r = 0;

	if (!at)
		return -errno;
	word = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	if (word & BPF_RINGBUF_BUSY_BIT)
		return 0; /* reserved and not submitted yet: those behind it have to wait */
	len = word & ~(uint32_t)(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
		at = look(ring, *position, BPF_RINGBUF_HDR_SZ + (size_t)len);
		if (!at)
			return -errno;
		r = record(owner, at + BPF_RINGBUF_HDR_SZ, len);
	}
	*position += padded(len);
	__atomic_store_n(ring->consumer, *position, __ATOMIC_RELEASE);
	return r ? r : 1;
}

/* The producer's position is read again at the end: a record that came in between wakes nobody, since the ring was not empty for the kernel. */
int ring_consume(struct ring *ring, int (*record)(void *owner, const void *data, size_t len), void *owner)
{
	unsigned long position = *ring->consumer;
	int r = 1;

	while (r == 1 && position < __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE))
		r = consume_one(ring, &position, record, owner);
	return r == 1 ? 0 : r;
}

size_t ring_size(const struct ring *ring)
{
	return ring->bytes;
}

size_t ring_used(const struct ring *ring)
{
	return (size_t)(__atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer);
}
