/* SPDX-License-Identifier: Apache-2.0 */
/* The reading end of a BPF ring buffer (Linux Documentation/bpf/ringbuf.rst), mapped through a window. libbpf's reader maps the whole ring twice, and
 * each page of it counts as resident: 16 MiB for a ring of 8. Here a window of some hundred KiB moves along. */
#ifndef CANOPY_SENSOR_PROBE_RING_H
#define CANOPY_SENSOR_PROBE_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

/* fd: of the map, borrowed for the life of the ring; bytes: its max_entries. Errors: -ENOMEM, -errno of mmap. */
int ring_create(struct ring **ret, int fd, size_t bytes);
void ring_destroy(struct ring *ring); /* takes NULL */

/* Hands over each record that is complete, borrowed for the time of the call, until the ring is empty (0), or until record returns a negative
 * errno instead of 0, which is passed on; that record counts as read. Errors of moving the window: -errno of mmap, reading can go on later. */
int ring_consume(struct ring *ring, int (*record)(void *owner, const void *data, size_t len), void *owner);

size_t ring_size(const struct ring *ring);
size_t ring_used(const struct ring *ring); /* bytes that are not read yet */

#endif
