/* SPDX-License-Identifier: Apache-2.0 */
/* Reads by pread into a window instead of mapping the file: a bad sector is then an error that can be returned, not a
 * SIGBUS, and a file that somebody shortens is merely short. */
#include "proto/seglog/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/seglog/format.h"
#include "proto/seglog/parse.h"

/* A window that one giant record has blown up is given back once it stands this much over what is wanted. */
#define WALK_WINDOW_SHRINK 4u

void walk_init(struct walk *walk, int fd, uint32_t seed, uint64_t first)
{
	walk->fd = fd;
	walk->seed = seed;
	walk->offset = FORMAT_DATA_OFFSET;
	walk->number = first;
	walk->start = 0;
	walk->len = 0;
}

void walk_finish(struct walk *walk)
{
	free(walk->window);
	*walk = (struct walk){.fd = -1};
}

static int window_room(struct walk *walk, size_t want)
{
	uint8_t *window;

	if (want < WALK_WINDOW_BYTES)
		want = WALK_WINDOW_BYTES;
	if (walk->capacity >= want && walk->capacity / WALK_WINDOW_SHRINK <= want)
		return 0;
	if (walk->len > want)
		return 0;
	window = realloc(walk->window, want);
	if (!window)
		return -ENOMEM;
	walk->window = window;
	walk->capacity = want;
	return 0;
}

/* Makes the window begin at offset and hold as many bytes below limit as it can. */
static int window_fill(struct walk *walk, uint64_t offset, size_t want, uint64_t limit)
{
	size_t keep = 0;
	int r;

	if (offset >= walk->start && offset < walk->start + walk->len) {
		keep = (size_t)(walk->start + walk->len - offset);
		memmove(walk->window, walk->window + (offset - walk->start), keep);
	}
	walk->start = offset;
	walk->len = keep;
	r = window_room(walk, want);
	if (r < 0)
		return r;
	while (walk->len < walk->capacity && offset + walk->len < limit) {
		size_t room = walk->capacity - walk->len;
		uint64_t left = limit - offset - walk->len;
		ssize_t got = pread(walk->fd, walk->window + walk->len, left < room ? (size_t)left : room,
				    (off_t)(offset + walk->len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		walk->len += (size_t)got;
	}
	return 0;
}

/* At least want bytes at offset, or all up to limit or the end of the file when those are fewer. */
static int window_at(struct walk *walk, uint64_t offset, size_t want, uint64_t limit, const uint8_t **ret,
		     size_t *ret_len)
{
	if (offset < walk->start || offset + want > walk->start + walk->len) {
		int r = window_fill(walk, offset, want, limit);

		if (r < 0)
			return r;
	}
	*ret = walk->window + (offset - walk->start);
	*ret_len = (size_t)(walk->start + walk->len - offset);
	return 0;
}

/* One attempt at offset at: 0, PARSE_E_DAMAGED (go on *ret_size further) or -errno. A record that reaches over the
 * limit is damaged. */
static int record_at(struct walk *walk, uint64_t at, uint64_t limit, const uint8_t *data, size_t len,
		     struct seglog_record *ret, uint64_t *ret_size)
{
	uint64_t distance = at - walk->offset;
	int r = parse_record(walk->seed, walk->number, distance, data, len, ret, ret_size);

	if (r != PARSE_E_MORE)
		return r;
	if (*ret_size <= limit - at) {
		r = window_at(walk, at, (size_t)*ret_size, limit, &data, &len);
		if (r < 0)
			return r;
		if (len >= *ret_size)
			return parse_record(walk->seed, walk->number, distance, data, len, ret, ret_size);
	}
	*ret_size = FORMAT_ALIGN;
	return PARSE_E_DAMAGED;
}

int walk_next(struct walk *walk, uint64_t limit, struct seglog_record *ret)
{
	uint64_t at = walk->offset, size;

	while (at + sizeof(struct format_record) <= limit) {
		const uint8_t *data;
		size_t len;
		int r = window_at(walk, at, sizeof(struct format_record), limit, &data, &len);

		if (r < 0)
			return r;
		if (len < sizeof(struct format_record))
			break;
		size = 0;
		if (at != walk->offset)
			size = parse_search(walk->seed, walk->number, at - walk->offset, data, len);
		if (size == 0) {
			r = record_at(walk, at, limit, data, len, ret, &size);
			if (r < 0)
				return r;
			if (r == 0) {
				walk->offset = at + size;
				walk->number = ret->number + 1;
				return 0;
			}
		}
		at += size;
	}
	return WALK_E_END;
}

int walk_seek(struct walk *walk, uint64_t limit, uint64_t number)
{
	while (walk->number < number && walk->offset + sizeof(struct format_record) <= limit) {
		struct seglog_record record;
		const uint8_t *data;
		uint64_t size;
		size_t len;
		int r = window_at(walk, walk->offset, sizeof(struct format_record), limit, &data, &len);

		if (r < 0)
			return r;
		if (len < sizeof(struct format_record))
			return 0;
		r = parse_record_header(walk->seed, walk->number, 0, data, &record, &size);
		if (r != 0 || size > limit - walk->offset)
			return 0;
		walk->offset += size;
		walk->number = record.number + 1;
	}
	return 0;
}

int walk_settled(const struct walk *walk, uint64_t limit, bool *ret)
{
	struct walk ahead = {.fd = walk->fd, .seed = walk->seed, .offset = walk->offset, .number = walk->number};
	struct seglog_record record = {0};
	int r;

	do
		r = walk_next(&ahead, limit, &record);
	while (r == 0 && !record.settled);
	walk_finish(&ahead);
	if (r < 0)
		return r;
	*ret = r == 0;
	return 0;
}

int walk_garbage(struct walk *walk, uint64_t limit, uint64_t *ret_bytes)
{
	uint64_t at = walk->offset, end = walk->offset;

	while (at < limit) {
		const uint8_t *data;
		size_t len, last;
		int r = window_at(walk, at, 1, limit, &data, &len);

		if (r < 0)
			return r;
		if (len == 0)
			break;
		for (last = len; last > 0 && data[last - 1] == 0; last--)
			;
		if (last)
			end = at + last;
		at += len;
	}
	*ret_bytes = end - walk->offset;
	return 0;
}
