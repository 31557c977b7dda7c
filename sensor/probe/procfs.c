// SPDX-License-Identifier: Apache-2.0
/* A cursor walks over the text; every read checks the end, so that a cut or foreign text is an error and never an overrun. */
#include "sensor/probe/procfs.h"

#include <errno.h>

struct cursor {
	const char *at, *end;
};

static struct cursor cursor_make(struct bytes text)
{
	return (struct cursor){text.data, text.data + text.len};
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
}

static int digit(char c, unsigned base)
{
	int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

	return value < (int)base ? value : -1;
}

/* Blanks, then digits; refuses what exceeds max. */
static bool number(struct cursor *cursor, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	const char *begin;

	skip_blanks(cursor);
	for (begin = cursor->at; cursor->at < cursor->end; cursor->at++) {
		int d = digit(*cursor->at, base);

		if (d < 0)
			break;
		if (value > (max - (uint64_t)d) / base)
			return false;
		value = value * base + (uint64_t)d;
	}
	if (cursor->at == begin)
		return false;
	*ret = value;
	return true;
}

static bool number32(struct cursor *cursor, uint32_t *ret)
{
	uint64_t value;

	if (!number(cursor, 10, UINT32_MAX, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* Some fields are -1 where there is none (tpgid, and tty_nr of old kernels). */
static bool signed32(struct cursor *cursor, uint32_t *ret)
{
	uint32_t value;

	skip_blanks(cursor);
	if (cursor->at < cursor->end && *cursor->at == '-') {
		cursor->at++;
		if (!number32(cursor, &value))
			return false;
		*ret = 0;
		return true;
	}
	return number32(cursor, ret);
}

static bool skip_fields(struct cursor *cursor, int count)
{
	for (int i = 0; i < count; i++) {
		const char *begin;

		skip_blanks(cursor);
		for (begin = cursor->at; cursor->at < cursor->end && *cursor->at != ' ' && *cursor->at != '\n';)
			cursor->at++;
		if (cursor->at == begin)
			return false;
	}
	return true;
}

/* comm stands in parentheses and may hold parentheses: it ends at the last one of the text. */
static bool comm_field(struct cursor *cursor, struct bytes *ret)
{
	const char *close = cursor->end;

	skip_blanks(cursor);
	if (cursor->at == cursor->end || *cursor->at != '(')
		return false;
	cursor->at++;
	while (close > cursor->at && close[-1] != ')')
		close--;
	if (close == cursor->at)
		return false;
	*ret = bytes_make(cursor->at, (size_t)(close - 1 - cursor->at));
	cursor->at = close;
	return true;
}

static bool state_field(struct cursor *cursor, char *ret)
{
	skip_blanks(cursor);
	if (cursor->at == cursor->end)
		return false;
	*ret = *cursor->at++;
	return true;
}

/* Fields 48 and 49: where the arguments begin and end. What is not there, or hidden as zeros, is no length. */
static uint64_t argv_fields(struct cursor *cursor)
{
	uint64_t from, to;

	/* 23 to 47: sizes, addresses, signals, what the last thread did */
	if (!skip_fields(cursor, 25) || !number(cursor, 10, UINT64_MAX, &from) || !number(cursor, 10, UINT64_MAX, &to))
		return 0;
	return to > from ? to - from : 0;
}

int procfs_parse_stat(struct bytes text, struct procfs_stat *ret)
{
	struct cursor cursor = cursor_make(text);
	struct procfs_stat stat;

	if (!number32(&cursor, &stat.pid) || !comm_field(&cursor, &stat.comm) || !state_field(&cursor, &stat.state))
		return -EBADMSG;
	if (!signed32(&cursor, &stat.parent) || !signed32(&cursor, &stat.pgid) || !signed32(&cursor, &stat.sid) ||
	    !signed32(&cursor, &stat.tty))
		return -EBADMSG;
	/* 8 is tpgid, 9 the flags, 10 to 21 are counters, 22 is the start. */
	if (!skip_fields(&cursor, 1) || !number32(&cursor, &stat.flags) || !skip_fields(&cursor, 12) ||
	    !number(&cursor, 10, UINT64_MAX, &stat.start_ticks))
		return -EBADMSG;
	stat.argv_bytes = argv_fields(&cursor);
	*ret = stat;
	return 0;
}

/* Takes the next line without its newline. */
static bool next_line(struct cursor *cursor, struct bytes *ret)
{
	const char *end;

	if (cursor->at >= cursor->end)
		return false;
	end = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
	if (!end)
		end = cursor->end;
	*ret = bytes_make(cursor->at, (size_t)(end - cursor->at));
	cursor->at = end < cursor->end ? end + 1 : end;
	return true;
}

static bool begins_with(struct bytes line, const char *prefix, struct bytes *ret_rest)
{
	size_t len = strlen(prefix);

	if (line.len < len || memcmp(line.data, prefix, len) != 0)
		return false;
	*ret_rest = bytes_make(line.data + len, line.len - len);
	return true;
}

static bool four(struct bytes rest, uint32_t ret[4])
{
	struct cursor cursor = cursor_make(rest);

	return number32(&cursor, &ret[0]) && number32(&cursor, &ret[1]) && number32(&cursor, &ret[2]) &&
	       number32(&cursor, &ret[3]);
}

static bool last_number(struct bytes rest, uint32_t *ret)
{
	struct cursor cursor = cursor_make(rest);

	if (!number32(&cursor, ret))
		return false;
	while (number32(&cursor, ret))
		;
	return true;
}

static bool mask(struct bytes rest, uint64_t *ret)
{
	struct cursor cursor = cursor_make(rest);

	return number(&cursor, 16, UINT64_MAX, ret);
}

static bool status_line(struct bytes line, struct procfs_status *status)
{
	struct bytes rest;

	if (begins_with(line, "Uid:", &rest))
		return four(rest, status->uid);
	if (begins_with(line, "Gid:", &rest))
		return four(rest, status->gid);
	if (begins_with(line, "NStgid:", &rest))
		return last_number(rest, &status->ns_tgid);
	if (begins_with(line, "CapInh:", &rest))
		return mask(rest, &status->cap_inheritable);
	if (begins_with(line, "CapPrm:", &rest))
		return mask(rest, &status->cap_permitted);
	if (begins_with(line, "CapEff:", &rest))
		return mask(rest, &status->cap_effective);
	return true; /* of no use here */
}

int procfs_parse_status(struct bytes text, struct procfs_status *ret)
{
	struct cursor cursor = cursor_make(text);
	struct procfs_status status = {0};
	struct bytes line;

	memset(status.uid, 0xff, sizeof(status.uid));
	memset(status.gid, 0xff, sizeof(status.gid));
	while (next_line(&cursor, &line))
		if (!status_line(line, &status))
			return -EBADMSG;
	*ret = status;
	return 0;
}

/* Cuts what stands before the first separator off *rest. */
static bool take_until(struct bytes *rest, char separator, struct bytes *ret)
{
	const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
	struct bytes whole = *rest;

	if (!at)
		return false;
	*ret = bytes_make(whole.data, (size_t)(at - whole.data));
	*rest = bytes_make(at + 1, whole.len - ret->len - 1);
	return true;
}

/* NUMBER:CONTROLLER,…:PATH, where pids is one of the controllers */
static bool pids_line(struct bytes line, struct bytes *ret_path)
{
	struct bytes word, controllers, path = line;

	if (!take_until(&path, ':', &word) || !take_until(&path, ':', &controllers))
		return false;
	*ret_path = path;
	while (take_until(&controllers, ',', &word))
		if (bytes_equal(word, BYTES_LITERAL("pids")))
			return true;
	return bytes_equal(controllers, BYTES_LITERAL("pids"));
}

struct bytes procfs_parse_cgroup(struct bytes text)
{
	struct cursor cursor = cursor_make(text);
	struct bytes line, rest, path = BYTES_NULL;

	while (next_line(&cursor, &line)) {
		if (pids_line(line, &rest) && rest.len > 1)
			return rest;
		if (begins_with(line, "0::", &rest))
			path = rest;
	}
	return path;
}

bool procfs_has_cgroup_v1(struct bytes text)
{
	struct cursor cursor = cursor_make(text);
	struct bytes line, rest;

	while (next_line(&cursor, &line))
		if (pids_line(line, &rest))
			return true;
	return false;
}

int procfs_parse_boottime_offset(struct bytes text, int64_t *ret)
{
	struct cursor lines = cursor_make(text);
	struct bytes line, rest;

	while (next_line(&lines, &line)) {
		uint64_t seconds, nanoseconds;
		struct cursor cursor;
		bool negative;

		if (!begins_with(line, "boottime", &rest))
			continue;
		cursor = cursor_make(rest);
		skip_blanks(&cursor);
		negative = cursor.at < cursor.end && *cursor.at == '-';
		cursor.at += negative;
		if (!number(&cursor, 10, INT64_MAX / 2000000000, &seconds) || !number(&cursor, 10, 999999999, &nanoseconds))
			return -EBADMSG;
		/* The kernel writes -1.5 s as -2 s and half a second. */
		*ret = (negative ? -(int64_t)seconds : (int64_t)seconds) * 1000000000 + (int64_t)nanoseconds;
		return 0;
	}
	return -EBADMSG;
}

int procfs_parse_number(struct bytes text, uint64_t max, uint64_t *ret)
{
	struct cursor cursor = cursor_make(text);
	uint64_t value;

	if (!number(&cursor, 10, max, &value))
		return -EBADMSG;
	if (cursor.at < cursor.end && *cursor.at == '\n')
		cursor.at++;
	if (cursor.at != cursor.end)
		return -EBADMSG;
	*ret = value;
	return 0;
}
