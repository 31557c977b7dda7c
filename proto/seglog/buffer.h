/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way to the disk: grows while a commit is under way, gives back what a burst has left. */
#ifndef CANOPY_PROTO_SEGLOG_BUFFER_H
#define CANOPY_PROTO_SEGLOG_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct seglog_buffer {
	uint8_t *data; /* owned */
	size_t len, capacity;
	size_t usual; /* what rounds before have come to: an empty one grows to that at once */
};

/* Room for more bytes behind len; what is in it stays. Errors: -ENOMEM, with nothing changed. */
int seglog_buffer_reserve(struct seglog_buffer *buffer, size_t more);
/* Empties it for the next round. Of a large one that was left mostly empty half is given back. */
void seglog_buffer_reset(struct seglog_buffer *buffer);
/* Nothing follows at once: of an empty one no more is kept than a quiet log needs. */
void seglog_buffer_rest(struct seglog_buffer *buffer);
/* Frees its memory and zeroes it, what is usual as well; it can be used again. */
void seglog_buffer_free(struct seglog_buffer *buffer);

#endif
