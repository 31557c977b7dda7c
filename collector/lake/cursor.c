/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor is a short text, because a person may have to read it when a disk has gone bad:
 *
 *   canopy-lake-cursor 1
 *   writer 1f0c77ab
 *   next 1200 1795338067123456789
 *   to 1233 1795338102987654321
 *   file 0.tmp class=process_activity/day=2026-11-22/hour=09/canopy-….ndjson.gz
 *   crc 8d2f1c04
 *
 * 'to' and 'file' stand there only with an intent; the second number is the time at which the collector received the
 * last record before 'next', and that at 'to'. crc is CRC-32 of everything above it. */
#include "collector/lake/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "canopy/failpoint.h"

#define CURSOR_MAGIC "canopy-lake-cursor 1"
#define CURSOR_LINE_MAX (CURSOR_STAGED_MAX + CURSOR_FINAL_MAX + 16)

/* A position and a time. */
static bool parse_numbers(const char *words, uint64_t *ret_position, int64_t *ret_wall_ns)
{
	char *end;

	if (*words < '0' || *words > '9')
		return false;
	errno = 0;
	*ret_position = strtoull(words, &end, 10);
	if (errno || *end != ' ')
		return false;
	words = end + 1;
	*ret_wall_ns = strtoll(words, &end, 10);
	return !errno && end != words && !*end;
}

static bool parse_move(char *words, struct cursor *cursor)
{
	struct cursor_move *move = &cursor->moves[cursor->move_count];
	char *final = strchr(words, ' ');

	if (!cursor->intent || cursor->move_count == CURSOR_MOVES_MAX || !final)
		return false;
	*final++ = '\0';
	if (!*words || !*final || strlen(words) >= sizeof(move->staged) || strlen(final) >= sizeof(move->final))
		return false;
	strcpy(move->staged, words);
	strcpy(move->final, final);
	cursor->move_count++;
	return true;
}

static bool parse_line(char *line, struct cursor *cursor)
{
	char *value = strchr(line, ' ');

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(line, "writer")) {
		if (strlen(value) != CURSOR_WRITER_MAX - 1 ||
		    strspn(value, "0123456789abcdef") != CURSOR_WRITER_MAX - 1)
			return false;
		strcpy(cursor->writer, value);
		return true;
	}
	if (!strcmp(line, "next"))
		return parse_numbers(value, &cursor->next, &cursor->received_wall_ns);
	if (!strcmp(line, "to")) {
		cursor->intent = true;
		return parse_numbers(value, &cursor->to, &cursor->to_received_wall_ns);
	}
	return !strcmp(line, "file") && parse_move(value, cursor);
}

/* Splits off the line at *at; false when none that fits is there. */
static bool next_line(const char **at, const char *end, char line[CURSOR_LINE_MAX])
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	size_t len = newline ? (size_t)(newline - *at) : 0;

	if (!newline || len >= CURSOR_LINE_MAX || memchr(*at, '\0', len))
		return false;
	memcpy(line, *at, len);
	line[len] = '\0';
	*at = newline + 1;
	return true;
}

static void format_crc(const char *text, size_t len, char out[24])
{
	(void)snprintf(out, 24, "crc %08lx", crc32(0, (const Bytef *)text, (uInt)len));
}

int cursor_parse(const char *text, size_t len, struct cursor *ret)
{
	const char *at = text, *end = text + len;
	struct cursor *cursor = calloc(1, sizeof(*cursor));
	char line[CURSOR_LINE_MAX] = "", crc[24];
	bool good;

	if (!cursor)
		return -ENOMEM;
	good = next_line(&at, end, line) && !strcmp(line, CURSOR_MAGIC);
	while (good) {
		const char *start = at;

		good = next_line(&at, end, line);
		if (good && !strncmp(line, "crc ", 4)) {
			format_crc(text, (size_t)(start - text), crc);
			good = at == end && !strcmp(line, crc);
			break;
		}
		good = good && parse_line(line, cursor);
	}
	good = good && *cursor->writer && cursor->next && (!cursor->intent || cursor->to >= cursor->next);
	if (good)
		*ret = *cursor;
	free(cursor);
	return good ? 0 : -EBADMSG;
}

int cursor_load(int folder, const char *name, struct cursor *ret)
{
	char *text = malloc(CURSOR_TEXT_MAX);
	ssize_t len = 0;
	int fd, r;

	if (!text)
		return -ENOMEM;
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	if (!r) {
		len = read(fd, text, CURSOR_TEXT_MAX);
		r = len < 0 ? -errno : cursor_parse(text, (size_t)len, ret);
		(void)close(fd);
	}
	free(text);
	return r == -ENOENT ? CURSOR_E_NONE : r;
}

size_t cursor_format(const struct cursor *cursor, char text[CURSOR_TEXT_MAX])
{
	size_t len = (size_t)snprintf(text, CURSOR_TEXT_MAX, CURSOR_MAGIC "\nwriter %s\nnext %" PRIu64 " %" PRId64 "\n",
				      cursor->writer, cursor->next, cursor->received_wall_ns);
	char crc[24];

	if (cursor->intent)
		len += (size_t)snprintf(text + len, CURSOR_TEXT_MAX - len, "to %" PRIu64 " %" PRId64 "\n", cursor->to,
					cursor->to_received_wall_ns);
	for (size_t i = 0; cursor->intent && i < cursor->move_count; i++)
		len += (size_t)snprintf(text + len, CURSOR_TEXT_MAX - len, "file %s %s\n", cursor->moves[i].staged,
					cursor->moves[i].final);
	format_crc(text, len, crc);
	len += (size_t)snprintf(text + len, CURSOR_TEXT_MAX - len, "%s\n", crc);
	return len;
}

static int write_file(int folder, const char *name, const char *data, size_t len)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return -errno;
	while (len && !r) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			r = errno == EINTR ? 0 : -errno;
		else
			data += n, len -= (size_t)n;
	}
	FAILPOINT("cursor-written");
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && !r)
		r = -errno;
	return r;
}

int cursor_save(int folder, const char *name, const struct cursor *cursor)
{
	char *text = malloc(CURSOR_TEXT_MAX);
	char temporary[80];
	int r;

	if (!text)
		return -ENOMEM;
	(void)snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	r = write_file(folder, temporary, text, cursor_format(cursor, text));
	free(text);
	if (r < 0)
		return r;
	FAILPOINT("cursor-synced");
	if (renameat(folder, temporary, folder, name) < 0)
		return -errno;
	FAILPOINT("cursor-renamed");
	return fsync(folder) < 0 ? -errno : 0;
}
