/* SPDX-License-Identifier: Apache-2.0 */
/* The list of columns, and the two loops over it. A column is read by a tight loop of its own straight into its member
 * of the rows: runs of one-byte values, which most columns are, go eight at a time, and counts and bounds are checked
 * once a column instead of once a value. */
#include "proto/batch/columns.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/batch/rows.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define ONES UINT64_C(0x0101010101010101)

#define COLUMN(row, field, member, domain) \
	{field, sizeof(((struct row *)NULL)->member), DOMAIN_##domain, offsetof(struct row, member), #member}
#define GROUP(message, columns, row) {message, columns, sizeof(columns) / sizeof(columns[0]), sizeof(struct row)}

static const struct column processes[] = {
	COLUMN(process_row, 1, tgid, NUMBER),
	COLUMN(process_row, 2, start_delta_ns, NUMBER),
	COLUMN(process_row, 3, start_unknown, BOOL),
	COLUMN(process_row, 4, ns_tgid, NUMBER),
};

static const struct column contexts[] = {
	COLUMN(context_row, 1, uid, NUMBER),
	COLUMN(context_row, 2, gid, NUMBER),
	COLUMN(context_row, 3, euid, NUMBER),
	COLUMN(context_row, 4, egid, NUMBER),
	COLUMN(context_row, 5, suid, NUMBER),
	COLUMN(context_row, 6, sgid, NUMBER),
	COLUMN(context_row, 7, fsuid, NUMBER),
	COLUMN(context_row, 8, fsgid, NUMBER),
	COLUMN(context_row, 9, loginuid, NUMBER),
	COLUMN(context_row, 10, session, NUMBER),
	COLUMN(context_row, 11, cap_effective, NUMBER),
	COLUMN(context_row, 12, cap_permitted, NUMBER),
	COLUMN(context_row, 13, cap_inheritable, NUMBER),
	COLUMN(context_row, 14, ns_mnt, NUMBER),
	COLUMN(context_row, 15, ns_pid, NUMBER),
	COLUMN(context_row, 16, ns_net, NUMBER),
	COLUMN(context_row, 17, ns_user, NUMBER),
	COLUMN(context_row, 18, ns_uts, NUMBER),
	COLUMN(context_row, 19, ns_ipc, NUMBER),
	COLUMN(context_row, 20, ns_cgroup, NUMBER),
	COLUMN(context_row, 21, cgroup_id, NUMBER),
	COLUMN(context_row, 22, cgroup, STRING),
	COLUMN(context_row, 23, user, STRING),
	COLUMN(context_row, 24, nodename, STRING),
	COLUMN(context_row, 25, ns_time, NUMBER),
};

static const struct column jobs[] = {
	COLUMN(job_row, 1, pgid, NUMBER),
	COLUMN(job_row, 2, sid, NUMBER),
	COLUMN(job_row, 3, tty, NUMBER),
};

static const struct column images[] = {
	COLUMN(image_row, 1, exe, STRING),
	COLUMN(image_row, 2, script, STRING),
	COLUMN(image_row, 3, interpreter, STRING),
	COLUMN(image_row, 4, inode, NUMBER),
	COLUMN(image_row, 5, dev, NUMBER),
	COLUMN(image_row, 6, mode, NUMBER),
	COLUMN(image_row, 7, nlink, NUMBER),
	COLUMN(image_row, 8, ctime_ns, NUMBER),
};

static const struct column events[] = {
	COLUMN(event_row, 1, type, NUMBER),
	COLUMN(event_row, 2, time_delta_ns, NUMBER),
	COLUMN(event_row, 3, process, PROCESS),
	COLUMN(event_row, 4, parent, PROCESS),
	COLUMN(event_row, 5, creator, PROCESS_PLUS_ONE),
	COLUMN(event_row, 6, tid_delta, NUMBER),
	COLUMN(event_row, 7, context, CONTEXT),
	COLUMN(event_row, 8, job, JOB),
	COLUMN(event_row, 9, comm, STRING),
	COLUMN(event_row, 10, exec_seq, NUMBER),
	COLUMN(event_row, 11, flags, NUMBER),
};

static const struct column image_events[] = {
	COLUMN(image_event_row, 12, image, IMAGE),
	COLUMN(image_event_row, 13, cwd, STRING),
	COLUMN(image_event_row, 14, argc, NUMBER),
	COLUMN(image_event_row, 15, argv_missing, NUMBER),
	COLUMN(image_event_row, 16, environ_count, NUMBER),
	COLUMN(image_event_row, 17, argv_open, BOOL),
	COLUMN(image_event_row, 18, environ_open, BOOL),
};

static const struct column argv_items[] = {{19, sizeof(uint32_t), DOMAIN_STRING, 0, "argv_item"}};
static const struct column environ_items[] = {{20, sizeof(uint32_t), DOMAIN_STRING, 0, "environ_item"}};

static const struct column exits[] = {
	COLUMN(exit_row, 21, exit_status, NUMBER),
	COLUMN(exit_row, 22, utime_ns, NUMBER),
	COLUMN(exit_row, 23, stime_ns, NUMBER),
	COLUMN(exit_row, 24, max_rss_bytes, NUMBER),
	COLUMN(exit_row, 25, read_bytes, NUMBER),
	COLUMN(exit_row, 26, written_bytes, NUMBER),
	COLUMN(exit_row, 27, reaper, PROCESS),
};

const struct column_group process_columns = GROUP("processes", processes, process_row);
const struct column_group context_columns = GROUP("contexts", contexts, context_row);
const struct column_group job_columns = GROUP("jobs", jobs, job_row);
const struct column_group image_columns = GROUP("images", images, image_row);
const struct column_group event_columns = GROUP("events", events, event_row);
const struct column_group image_event_columns = GROUP("events", image_events, image_event_row);
const struct column_group exit_columns = GROUP("events", exits, exit_row);
const struct column_group argv_item_columns = {"events", argv_items, 1, sizeof(uint32_t)};
const struct column_group environ_item_columns = {"events", environ_items, 1, sizeof(uint32_t)};

static inline uint64_t load(const void *member, unsigned width)
{
	uint32_t narrow;
	uint64_t wide;

	if (width == sizeof(narrow)) {
		memcpy(&narrow, member, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, member, sizeof(wide));
	return wide;
}

static inline void store(void *member, unsigned width, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (width == sizeof(narrow))
		memcpy(member, &narrow, sizeof(narrow));
	else
		memcpy(member, &value, sizeof(value));
}

static inline void write_values(struct writer *writer, const uint8_t *first, size_t stride, size_t count,
				unsigned width)
{
	for (size_t i = count; i-- > 0;)
		writer_varint(writer, load(first + i * stride, width));
}

static inline bool all_zero(const uint8_t *first, size_t stride, size_t count, unsigned width)
{
	for (size_t i = 0; i < count; i++) {
		if (load(first + i * stride, width))
			return false;
	}
	return true;
}

void columns_write(struct writer *writer, const struct column_group *group, const void *rows, size_t count)
{
	for (size_t i = group->count; i-- > 0;) {
		const struct column *column = &group->columns[i];
		const uint8_t *first = (const uint8_t *)rows + column->offset;
		size_t mark = writer_length(writer);

		if (all_zero(first, group->row_size, count, column->width))
			continue;
		/* the width as a constant: the compiler makes two loops without a branch on it */
		if (column->width == sizeof(uint32_t))
			write_values(writer, first, group->row_size, count, sizeof(uint32_t));
		else
			write_values(writer, first, group->row_size, count, sizeof(uint64_t));
		writer_enclose(writer, column->field, mark);
	}
}

static int refuse(struct column_error *ret_error, const char *what, const char *column, uint64_t value, uint64_t bound)
{
	*ret_error = (struct column_error){what, column, value, bound};
	return -EBADMSG;
}

int column_spans_find(struct column_spans *spans, struct scan message, struct column_error *ret_error)
{
	memset(spans, 0, sizeof(*spans));
	while (scan_left(&message) > 0) {
		struct scan_field field;

		if (scan_next(&message, &field) < 0)
			return refuse(ret_error, "is not a valid protobuf message", NULL, 0, 0);
		if (field.number >= COLUMN_FIELDS_MAX)
			continue;
		if (field.wire != SCAN_BYTES)
			return refuse(ret_error, "has a column that is not packed, field", NULL, field.number, 0);
		if (spans->columns[field.number].at)
			return refuse(ret_error, "has a column twice, field", NULL, field.number, 0);
		spans->columns[field.number] = field.bytes;
	}
	return 0;
}

/* Varints end with a byte below 0x80: counting those counts the values. Eight at a time, as the multiplication adds up
 * the eight bytes of zeros and ones (the plain x86-64 that is built for has no instruction for it). */
static size_t count_values(struct scan span)
{
	size_t count = 0;
	uint64_t word;

	for (; scan_left(&span) >= sizeof(word); span.at += sizeof(word)) {
		memcpy(&word, span.at, sizeof(word));
		count += (size_t)((~word & HIGH_BITS) >> 7) * ONES >> 56;
	}
	for (; span.at < span.end; span.at++)
		count += *span.at < 0x80;
	return count;
}

size_t columns_count(const struct column_spans *spans, const struct column_group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->count && count == 0; i++)
		count = count_values(spans->columns[group->columns[i].field]);
	return count;
}

/* One value of any length. The caller has made sure that a byte below 0x80 follows. Returns the byte behind, or NULL
 * where it has more than the width's bits. */
static const uint8_t *read_slow(const uint8_t *at, unsigned width, uint64_t *ret)
{
	unsigned last = width == 4 ? 4 : 9; /* index of the byte that holds the top bits, and what may be in it */
	uint8_t top = width == 4 ? 0x0f : 0x01;
	uint64_t value = *at & 0x7f;
	unsigned i = 0;

	while (*at++ & 0x80) {
		if (++i > last || (i == last && *at > top))
			return NULL;
		value |= (uint64_t)(*at & 0x7f) << (7 * i);
	}
	*ret = value;
	return at;
}

/* Pushes the groups of 7 bits of up to eight bytes together: by pairs, pairs of pairs, halves. */
static inline uint64_t join_groups(uint64_t word)
{
	word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
	word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
	return (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
}

/* Lengths of times and sizes vary from value to value: a loop over their bytes would mispredict at each end, so they
 * are taken by shifts. */
static inline const uint8_t *read_long(const uint8_t *at, const uint8_t *end, unsigned width, uint64_t *ret)
{
	uint64_t word, ends, value;
	unsigned bits; /* of the word that belong to the value, less the last byte's high bit */

	if (end - at < 8)
		return read_slow(at, width, ret);
	memcpy(&word, at, sizeof(word));
	word = le64toh(word);
	ends = ~word & HIGH_BITS;
	if (ends == 0)
		return read_slow(at, width, ret);
	bits = (unsigned)__builtin_ctzll(ends);
	value = join_groups(word & ((UINT64_C(1) << bits) - 1));
	if (width == 4 && (value > UINT32_MAX || bits > 39))
		return NULL;
	*ret = value;
	return at + bits / 8 + 1;
}

/* The values of span, whose number the caller has counted, into the members; *ret_max is the greatest. Returns false on
 * a value of too many bits. */
static inline bool read_values(struct scan span, uint8_t *to, size_t stride, unsigned width, uint64_t *ret_max)
{
	const uint8_t *at = span.at;
	uint64_t max = 0, value, word;

	while (at < span.end) {
		while (span.end - at >= 8 && (memcpy(&word, at, 8), (word & HIGH_BITS) == 0)) {
			for (unsigned i = 0; i < 8; i++, to += stride) {
				store(to, width, at[i]);
				max = max > at[i] ? max : at[i];
			}
			at += 8;
		}
		for (unsigned i = 0; i < 8 && at < span.end; i++, to += stride) {
			value = *at;
			if (value < 0x80)
				at++;
			else if (!(at = read_long(at, span.end, width, &value)))
				return false;
			store(to, width, value);
			max = max > value ? max : value;
		}
	}
	*ret_max = max;
	return true;
}

static uint64_t domain_limit(const struct column *column, const uint64_t *limits)
{
	if (column->domain == DOMAIN_NUMBER)
		return UINT64_MAX;
	return column->domain == DOMAIN_BOOL ? 2 : limits[column->domain];
}

static int read_column(const struct column *column, struct scan span, uint8_t *first, size_t stride, uint64_t limit,
		       struct column_error *ret_error)
{
	uint64_t max = 0;
	bool fits;

	if (span.end[-1] >= 0x80)
		return refuse(ret_error, "ends within a value", column->name, 0, 0);
	if (column->width == sizeof(uint32_t))
		fits = read_values(span, first, stride, sizeof(uint32_t), &max);
	else
		fits = read_values(span, first, stride, sizeof(uint64_t), &max);
	if (!fits)
		return refuse(ret_error, "holds a value of too many bits; bits", column->name, column->width * 8u, 0);
	if (column->domain != DOMAIN_NUMBER && max >= limit)
		return refuse(ret_error, "holds a value out of its bound:", column->name, max, limit);
	return 0;
}

int columns_read(const struct column_spans *spans, const struct column_group *group, const uint64_t *limits, void *rows,
		 size_t count, struct column_error *ret_error)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct column *column = &group->columns[i];
		struct scan span = spans->columns[column->field];
		size_t here = count_values(span);
		int r;

		if (scan_left(&span) == 0)
			continue;
		if (here != count)
			return refuse(ret_error, "has another number of elements than the rows:", column->name, here,
				      count);
		r = read_column(column, span, (uint8_t *)rows + column->offset, group->row_size,
				domain_limit(column, limits), ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}
