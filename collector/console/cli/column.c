/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of columns and one function a kind. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector/console/cli/column.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"

static const struct column process_columns[] = {
	{"time", NULL, "time", "TIME", COLUMN_CLOCK, 12, false, false},
	{"event", NULL, "type", "EVENT", COLUMN_EVENT, 5, false, false},
	{"host", "host.name", "host", "HOST", COLUMN_TEXT, 0, false, true},
	{"boot_id", "host.boot", "boot_id", "BOOT", COLUMN_TEXT, 0, false, true},
	{"id", "proc.id", "id", "ID", COLUMN_TEXT, 0, false, false},
	{"pid", "proc.pid", "pid", "PID", COLUMN_NUMBER, 6, true, false},
	{"ppid", "proc.ppid", "ppid", "PPID", COLUMN_NUMBER, 6, true, false},
	{"parent_id", NULL, "parent_id", "PARENT", COLUMN_TEXT, 0, false, false},
	{"creator_id", NULL, "creator_id", "CREATOR", COLUMN_TEXT, 0, false, false},
	{"current_ppid", NULL, "current_ppid", "NOWPPID", COLUMN_NUMBER, 6, true, false},
	{"ns_pid", "proc.vpid", "ns_pid", "NSPID", COLUMN_NUMBER, 0, true, false},
	{"pgid", "proc.pgid", "pgid", "PGID", COLUMN_NUMBER, 0, true, false},
	{"sid", "proc.sid", "sid", "SID", COLUMN_NUMBER, 0, true, false},
	{"tty", "proc.tty", "tty", "TTY", COLUMN_TEXT, 0, false, false},
	{"user", "user.name", "user", "USER", COLUMN_USER, 6, false, true},
	{"uid", "user.uid", "uid", "UID", COLUMN_NUMBER, 0, true, false},
	{"gid", NULL, "gid", "GID", COLUMN_NUMBER, 0, true, false},
	{"euid", "user.euid", "euid", "EUID", COLUMN_NUMBER, 0, true, false},
	{"egid", NULL, "egid", "EGID", COLUMN_NUMBER, 0, true, false},
	{"loginuid", "user.loginuid", "loginuid", "LOGINUID", COLUMN_NUMBER, 0, true, false},
	{"start", "proc.start", "start", "START", COLUMN_TIME, 8, false, false},
	{"start_boottime_ns", NULL, "start_boottime_ns", "STARTBOOT", COLUMN_NUMBER, 0, true, false},
	{"end", "proc.end", "exit.time", "END", COLUMN_TIME, 8, false, false},
	{"state", NULL, "state", "STATE", COLUMN_STATE, 7, false, false},
	{"exit", NULL, "exit", "EXIT", COLUMN_EXIT, 7, false, false},
	{"duration", "proc.duration", "duration_ns", "DURATION", COLUMN_SPAN, 6, true, false},
	{"exit_code", "proc.exitcode", "exit.code", "CODE", COLUMN_NUMBER, 0, true, false},
	{"signal", "proc.signal", "exit.signal", "SIGNAL", COLUMN_NUMBER, 0, true, false},
	{"core", NULL, "exit.core", "CORE", COLUMN_BOOL, 0, false, false},
	{"utime", NULL, "exit.utime_ns", "UTIME", COLUMN_SPAN, 0, true, false},
	{"stime", NULL, "exit.stime_ns", "STIME", COLUMN_SPAN, 0, true, false},
	{"max_rss", NULL, "exit.max_rss_bytes", "MAXRSS", COLUMN_BYTES, 0, true, false},
	{"exec_seq", NULL, "exec_seq", "EXECS", COLUMN_NUMBER, 0, true, false},
	{"comm", "proc.name", "comm", "COMM", COLUMN_TEXT, 0, false, true},
	{"exe", "proc.exepath", "exe", "EXE", COLUMN_TEXT, 0, false, true},
	{"script", NULL, "script", "SCRIPT", COLUMN_TEXT, 0, false, true},
	{"cwd", "proc.cwd", "cwd", "CWD", COLUMN_TEXT, 0, false, true},
	{"cgroup", "cgroup.path", "cgroup", "CGROUP", COLUMN_TEXT, 0, false, true},
	{"container_id", "container.id", "container_id", "CONTAINER", COLUMN_TEXT, 0, false, true},
	{"flags", NULL, "flags", "FLAGS", COLUMN_WORDS, 0, false, true},
	{"quality", NULL, "quality", "QUALITY", COLUMN_WORDS, 0, false, true},
	{"caps_effective", NULL, "caps.effective", "CAPS", COLUMN_TEXT, 0, false, false},
	{"caps_permitted", NULL, "caps.permitted", "CAPSPERM", COLUMN_TEXT, 0, false, false},
	{"caps_inheritable", NULL, "caps.inheritable", "CAPSINH", COLUMN_TEXT, 0, false, false},
	{"ns_mnt", NULL, "ns.mnt", "MNTNS", COLUMN_NUMBER, 0, true, false},
	{"ns_pidns", NULL, "ns.pid", "PIDNS", COLUMN_NUMBER, 0, true, false},
	{"ns_net", NULL, "ns.net", "NETNS", COLUMN_NUMBER, 0, true, false},
	{"ns_user", NULL, "ns.user", "USERNS", COLUMN_NUMBER, 0, true, false},
	{"exe_inode", NULL, "exe_inode", "INODE", COLUMN_NUMBER, 0, true, false},
	{"exe_dev", NULL, "exe_dev", "DEV", COLUMN_TEXT, 0, false, false},
	{"argv_bytes", NULL, "argv_bytes", "ARGVLEN", COLUMN_NUMBER, 0, true, false},
	{"depth", "proc.depth", "depth", "DEPTH", COLUMN_NUMBER, 0, true, false},
	{"command", "proc.cmdline", "argv", "COMMAND", COLUMN_COMMAND, 10, false, true},
	{NULL},
};

static const struct column host_columns[] = {
	{"host", "host.name", "host", "HOST", COLUMN_TEXT, 0, false, true},
	{"boot_id", "host.boot", "boot_id", "BOOT", COLUMN_TEXT, 0, false, false},
	{"machine_id", NULL, "machine_id", "MACHINE", COLUMN_TEXT, 0, false, false},
	{"state", NULL, "state", "STATE", COLUMN_HOST_STATE, 0, false, false},
	{"lag", NULL, "lag_seconds", "LAG", COLUMN_SECONDS, 5, true, false},
	{"queue", NULL, "queue_bytes", "QUEUE", COLUMN_BYTES, 0, true, false},
	{"lost", NULL, "lost", "LOST", COLUMN_LOST, 0, true, false},
	{"skew", NULL, "skew_seconds", "SKEW", COLUMN_SECONDS, 5, true, false},
	{"gaps", NULL, "gaps", "GAPS", COLUMN_GAPS, 0, true, false},
	{"live", NULL, "live", "LIVE", COLUMN_NUMBER, 0, true, false},
	{"exited", NULL, "exited", "EXITED", COLUMN_NUMBER, 0, true, false},
	{"events", NULL, "events_total", "EVENTS", COLUMN_NUMBER, 0, true, false},
	{"kernel", NULL, "kernel", "KERNEL", COLUMN_TEXT, 0, false, true},
	{"arch", NULL, "arch", "ARCH", COLUMN_TEXT, 0, false, false},
	{"version", NULL, "version", "VERSION", COLUMN_TEXT, 0, false, false},
	{"first_seen", NULL, "first_seen", "FIRSTSEEN", COLUMN_TIME, 0, false, false},
	{"last_seen", NULL, "last_seen", "LASTSEEN", COLUMN_TIME, 0, false, false},
	{"cloned", NULL, "contradictions", "CLONED", COLUMN_NUMBER, 0, true, false},
	{"refused", NULL, "refused", "REFUSED", COLUMN_NUMBER, 0, true, false},
	{"tags", NULL, "tags", "TAGS", COLUMN_TAGS, 0, false, true},
	{NULL},
};

const struct column *column_process_table(void)
{
	return process_columns;
}

const struct column *column_host_table(void)
{
	return host_columns;
}

/* ---- sets ----------------------------------------------------------------------------------------------------- */

static const struct column *find(const struct column *table, const char *name, size_t len)
{
	for (const struct column *column = table; column->name; column++)
		if ((strlen(column->name) == len && memcmp(column->name, name, len) == 0) ||
		    (column->alias && strlen(column->alias) == len && memcmp(column->alias, name, len) == 0) ||
		    (strlen(column->path) == len && memcmp(column->path, name, len) == 0))
			return column;
	return NULL;
}

int column_set_parse(const struct column *table, const char *names, struct column_set *ret, struct text *problem)
{
	struct column_set set = {.count = 0};

	while (*names) {
		size_t len = strcspn(names, ",");
		const struct column *column = find(table, names, len);

		if (!column) {
			text_printf(problem, "there is no field '%.*s'", (int)len, names);
			return -EINVAL;
		}
		if (set.count == COLUMN_SET_MAX) {
			text_printf(problem, "more than %d fields", COLUMN_SET_MAX);
			return -E2BIG;
		}
		set.columns[set.count++] = column;
		names += len + (names[len] == ',');
	}
	*ret = set;
	return 0;
}

/* ---- parts ---------------------------------------------------------------------------------------------------- */

void column_add_bytes(struct text *out, int64_t bytes)
{
	static const char units[] = " KMGTPE";
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024 && units[unit + 1]; unit++)
		value /= 1024;
	if (unit)
		text_printf(out, "%.*f%c", value < 10 ? 1 : 0, value, units[unit]);
	else
		text_printf(out, "%" PRId64, bytes);
}

static void add_string(struct text *out, const json_t *value, bool utf8)
{
	escape_text(out, bytes_make(json_string_value(value), json_string_length(value)), utf8);
}

/* What an argument list hides, since its owner writes it: that the file is in memory alone or gone, that it gave rights. It stands before the
 * arguments, so that these cannot push it over the edge of the screen. */
static void add_marks(const json_t *process, const struct face *face, struct text *out)
{
	static const struct bytes told[] = {BYTES_LITERAL("deleted"), BYTES_LITERAL("setuid"), BYTES_LITERAL("setgid"),
					    BYTES_LITERAL("filecap")};
	const json_t *flag;
	size_t i;

	json_array_foreach(object_at(process, "flags"), i, flag) {
		struct bytes word = bytes_from_string(json_is_string(flag) ? json_string_value(flag) : "");

		if (bytes_equal(word, BYTES_LITERAL("memfd"))) {
			text_puts(out, "[");
			escape_text(out, object_string(process, "exe"), face->utf8);
			text_puts(out, "] ");
			continue;
		}
		for (size_t k = 0; k < sizeof(told) / sizeof(told[0]); k++)
			if (bytes_equal(word, told[k]))
				text_printf(out, "[%s] ", told[k].data);
	}
}

static void add_arguments(const json_t *process, const struct face *face, struct text *out)
{
	const json_t *argv = object_at(process, "argv"), *argument;
	struct bytes comm = object_string(process, "comm");
	size_t i;

	if (json_array_size(argv) == 0) {
		text_putc(out, '(');
		if (comm.len)
			escape_text(out, comm, face->utf8);
		else
			text_putc(out, '?');
		text_putc(out, ')');
		return;
	}
	json_array_foreach(argv, i, argument) {
		if (i)
			text_putc(out, ' ');
		if (json_is_string(argument))
			escape_argument(out, bytes_make(json_string_value(argument), json_string_length(argument)),
					face->utf8);
	}
	if (object_true(process, "argv_truncated"))
		text_puts(out, face->utf8 ? " …" : " ...");
}

void column_add_command(const json_t *process, const struct face *face, struct text *out)
{
	if (!face->raw)
		add_marks(process, face, out);
	add_arguments(process, face, out);
}

void column_add_user(const json_t *process, const struct face *face, struct text *out)
{
	struct bytes name = object_string(process, "user");
	int64_t uid;

	if (name.len)
		escape_text(out, name, face->utf8);
	else if (object_int(process, "uid", &uid))
		text_printf(out, "%" PRId64, uid);
	else
		text_putc(out, '-');
}

static enum color add_end(const json_t *process, struct text *out)
{
	int64_t number;

	if (object_int(process, "exit.signal", &number)) {
		text_printf(out, "signal %" PRId64 "%s", number, object_true(process, "exit.core") ? " core" : "");
		return COLOR_BAD;
	}
	if (object_int(process, "exit.code", &number)) {
		text_printf(out, "exit %" PRId64, number);
		return number ? COLOR_BAD : COLOR_DIM;
	}
	text_puts(out, object_has_word(process, "quality", "host_rebooted") ? "rebooted" : "exit ?");
	return COLOR_WARN;
}

enum color column_add_state(const json_t *process, struct text *out)
{
	struct bytes state = object_string(process, "state");

	if (bytes_equal(state, BYTES_LITERAL("exited")))
		return add_end(process, out);
	if (bytes_equal(state, BYTES_LITERAL("live"))) {
		if (object_has_word(process, "flags", "zombie")) {
			text_puts(out, "zombie");
			return COLOR_WARN;
		}
		text_puts(out, "live");
		return COLOR_GOOD;
	}
	text_puts(out, "unknown");
	return COLOR_WARN;
}

/* ---- kinds ---------------------------------------------------------------------------------------------------- */

static enum color add_event(const json_t *value, struct text *out, bool utf8)
{
	struct bytes type = bytes_make(json_string_value(value), json_string_length(value));

	escape_text(out, type, utf8);
	if (bytes_equal(type, BYTES_LITERAL("gap")))
		return COLOR_LOUD;
	if (bytes_equal(type, BYTES_LITERAL("exec")))
		return COLOR_GOOD;
	return bytes_equal(type, BYTES_LITERAL("fork")) ? COLOR_PLAIN : COLOR_DIM;
}

static enum color add_host_state(const json_t *value, struct text *out, bool utf8)
{
	struct bytes state = bytes_make(json_string_value(value), json_string_length(value));

	escape_text(out, state, utf8);
	if (bytes_equal(state, BYTES_LITERAL("live")))
		return COLOR_GOOD;
	if (bytes_equal(state, BYTES_LITERAL("silent")))
		return COLOR_BAD;
	return bytes_equal(state, BYTES_LITERAL("catching up")) ? COLOR_WARN : COLOR_DIM;
}

static void add_words(const json_t *value, struct text *out, bool utf8)
{
	const json_t *word;
	size_t i, begin = out->len;

	json_array_foreach(value, i, word) {
		if (out->len > begin)
			text_putc(out, ',');
		if (json_is_string(word))
			add_string(out, word, utf8);
	}
}

static void add_tags(const json_t *value, struct text *out, bool utf8)
{
	const char *key;
	json_t *tag;

	if (json_is_array(value)) {
		add_words(value, out, utf8);
		return;
	}
	/* the cast drops const for a macro of jansson that only reads */
	json_object_foreach((json_t *)value, key, tag) {
		if (key != json_object_iter_key(json_object_iter((json_t *)value)))
			text_putc(out, ',');
		escape_text(out, bytes_from_string(key), utf8);
		text_putc(out, '=');
		if (json_is_string(tag))
			add_string(out, tag, utf8);
	}
}

static enum color add_lost(int64_t sum, struct text *out)
{
	text_printf(out, "%" PRId64, sum);
	return sum ? COLOR_BAD : COLOR_PLAIN;
}

static void add_time(enum column_kind kind, const json_t *value, const struct face *face, struct text *out)
{
	int64_t moment;

	if (face->raw || timefmt_parse(json_string_value(value), 0, &moment) < 0)
		add_string(out, value, face->utf8);
	else if (face->full)
		timefmt_add_full(out, moment);
	else if (kind == COLUMN_CLOCK)
		timefmt_add_clock(out, moment);
	else
		timefmt_add_short(out, moment, face->now);
}

static void add_seconds(double seconds, const struct face *face, struct text *out)
{
	int64_t ns;

	if (face->raw) {
		text_printf(out, "%.3f", seconds);
		return;
	}
	if (!(seconds < 1e9 && seconds > -1e9)) {
		text_puts(out, "?");
		return;
	}
	ns = (int64_t)(seconds * 1e9);
	if (ns > -1000000 && ns < 1000000) {
		text_puts(out, "0ms"); /* finer is noise of two clocks */
		return;
	}
	if (ns < 0)
		text_putc(out, '-');
	timefmt_add_span(out, ns < 0 ? -ns : ns);
}

static void add_integer(const struct column *column, json_int_t number, const struct face *face, struct text *out)
{
	if (column->kind == COLUMN_SPAN && !face->raw)
		timefmt_add_span(out, number);
	else if (column->kind == COLUMN_BYTES && !face->raw)
		column_add_bytes(out, number);
	else
		text_printf(out, "%" JSON_INTEGER_FORMAT, number);
}

/* Kinds that are read from one known member. Returns whether its type was as expected. */
static bool add_member(const struct column *column, const json_t *value, const struct face *face, struct text *out,
		       enum color *color)
{
	if (column->kind == COLUMN_LOST) {
		*color = add_lost(object_sum(value), out);
	} else if (column->kind == COLUMN_GAPS) {
		text_printf(out, "%zu", json_array_size(value));
		*color = json_array_size(value) ? COLOR_BAD : COLOR_PLAIN;
	} else if (column->kind == COLUMN_TAGS) {
		add_tags(value, out, face->utf8);
	} else if (column->kind == COLUMN_WORDS) {
		add_words(value, out, face->utf8);
	} else if (column->kind == COLUMN_SECONDS && json_is_number(value)) {
		add_seconds(json_number_value(value), face, out);
	} else if (json_is_integer(value)) {
		add_integer(column, json_integer_value(value), face, out);
	} else if (json_is_boolean(value)) {
		text_puts(out, json_is_true(value) ? "yes" : "no");
	} else if (!json_is_string(value)) {
		return false;
	} else if (column->kind == COLUMN_TIME || column->kind == COLUMN_CLOCK) {
		add_time(column->kind, value, face, out);
	} else if (column->kind == COLUMN_EVENT) {
		*color = add_event(value, out, face->utf8);
	} else if (column->kind == COLUMN_HOST_STATE) {
		*color = add_host_state(value, out, face->utf8);
	} else {
		add_string(out, value, face->utf8);
	}
	return true;
}

enum color column_add(const struct column *column, const json_t *object, const struct face *face, struct text *out)
{
	const json_t *value = object_at(object, column->path);
	enum color color = COLOR_PLAIN;
	size_t begin = out->len;

	if (column->kind == COLUMN_STATE)
		return column_add_state(object, out);
	if (column->kind == COLUMN_EXIT)
		return bytes_equal(object_string(object, "state"), BYTES_LITERAL("live"))
			       ? COLOR_PLAIN
			       : column_add_state(object, out);
	if (column->kind == COLUMN_COMMAND)
		column_add_command(object, face, out);
	else if (column->kind == COLUMN_USER)
		column_add_user(object, face, out);
	else if (value)
		(void)add_member(column, value, face, out, &color);
	if (out->len == begin && !face->raw)
		text_putc(out, '-');
	return color;
}
