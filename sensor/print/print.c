/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people and scripts. Both formats go through the buffer of the JSON writer, so that a burst of facts costs one write. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sensor/print/print.h"

#define NUMBERS_MAX 96 /* bytes of the longest run of our own numbers and words in a line */

static const char *type_word(uint32_t type)
{
	static const char *const words[] = {"unknown", "fork", "exec", "exit", "snapshot"};

	return type <= FACT_SNAPSHOT ? words[type] : words[0];
}

static const char *reason_word(uint32_t reason)
{
	static const char *const words[] = {"unknown",     "ring-full", "recursion",     "map-failed", "spool-dropped",
					    "sensor-down", "sequence",  "spool-damaged", "filtered"};

	return reason <= GAP_FILTERED ? words[reason] : words[0];
}

/* A field of a classic line: blanks, backslashes and what is not printable ASCII become \xHH, so that fields split at blanks. */
static void put_escaped(struct json *out, struct bytes value)
{
	static const char hex[] = "0123456789abcdef";

	for (uint32_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		char escape[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};

		if (c > ' ' && c < 0x7f && c != '\\')
			json_raw(out, value.data + i, 1);
		else
			json_raw(out, escape, sizeof(escape));
	}
}

__attribute__((format(printf, 2, 3)))
static void put(struct json *out, const char *format, ...)
{
	char text[NUMBERS_MAX];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len > 0)
		json_raw(out, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

static void classic_exit(struct json *out, const struct fact_exit *exit)
{
	if (exit->signal)
		put(out, " signal=%" PRIu32 "%s", exit->signal, exit->core ? " core=yes" : "");
	else
		put(out, " code=%" PRId32, exit->code);
}

static void classic_fact(struct json *out, const struct fact *fact)
{
	static const char *const tags[] = {"", "FORK", "EXEC", "EXIT", "SNAP"};

	put(out, "[%s] pid=%" PRIu32, tags[fact->type], fact->self.tgid);
	if (fact->type != FACT_EXIT)
		put(out, " ppid=%" PRIu32, fact->parent.tgid);
	put(out, " comm=");
	put_escaped(out, fact->comm);
	if (fact->type == FACT_EXIT)
		classic_exit(out, &fact->exit);
	if (fact->exe.len) {
		put(out, " exe=");
		put_escaped(out, fact->exe);
	}
	put(out, "\n");
}

static int64_t wall(const struct print_host *host, uint64_t boottime_ns)
{
	return (int64_t)boottime_ns + host->boottime_to_wall_ns;
}

static void fill_image(struct process_image *ret, const struct print_host *host, const struct fact *fact)
{
	*ret = (struct process_image){
		.seq = fact->exec_seq,
		.time_ns = fact->time_ns,
		.wall_ns = wall(host, fact->time_ns),
		.flags = fact->flags,
		.comm = fact->comm,
		.exe = fact->exe,
		.script = fact->script,
		.interpreter = fact->interpreter,
		.cwd = fact->cwd,
		.argv = fact->argv,
		.argv_bytes = fact->argv_bytes,
		.environ_ = fact->environ_,
		.exe_inode = fact->exe_inode,
		.exe_ctime_ns = fact->exe_ctime_ns,
		.exe_dev = fact->exe_dev,
		.exe_mode = fact->exe_mode,
		.exe_nlink = fact->exe_nlink,
	};
}

static void fill_view(struct process_view *ret, const struct process_image *image, const struct print_host *host,
		      const struct fact *fact)
{
	bool dead = fact->type == FACT_EXIT || (fact->flags & FACT_ZOMBIE);

	*ret = (struct process_view){
		.host = host->hostname,
		.boot = host->boot,
		.machine_id = host->machine_id,
		.tags = host->tags,
		.tag_count = host->tag_count,
		.self = fact->self,
		.parent = fact->parent,
		.creator = fact->creator,
		.current_ppid = fact->parent.tgid,
		.start_wall_ns = fact->self.start_ns ? wall(host, fact->self.start_ns) : INT64_MIN,
		.state = dead ? PROCESS_EXITED : PROCESS_LIVE,
		.quality = fact->type == FACT_SNAPSHOT ? QUALITY_SEEDED : 0,
		.ns_tgid = fact->ns_tgid,
		.pgid = fact->pgid,
		.sid = fact->sid,
		.tty = fact->tty,
		.context = fact->context,
		.images = image,
		.image_count = 1,
		.exited = fact->type == FACT_EXIT,
		.end_ns = fact->time_ns,
		.end_wall_ns = wall(host, fact->time_ns),
		.exit_known = fact->type == FACT_EXIT,
		.exit = fact->exit,
		.now_ns = fact->time_ns,
	};
}

static void json_fact(struct json *out, const struct print_host *host, const struct fact *fact)
{
	struct process_image image;
	struct process_view view;

	fill_image(&image, host, fact);
	fill_view(&view, &image, host, fact);
	json_object_begin(out);
	json_key(out, "type");
	json_string(out, bytes_from_string(type_word(fact->type)));
	json_key(out, "time");
	json_time(out, wall(host, fact->time_ns));
	json_process_members(out, &view);
	json_object_end(out);
	json_raw(out, "\n", 1);
	out->comma = false;
}

void print_fact(struct json *out, enum print_format format, const struct print_host *host, const struct fact *fact)
{
	if (format == PRINT_CLASSIC)
		classic_fact(out, fact);
	else if (format == PRINT_JSON)
		json_fact(out, host, fact);
}

static void json_gap(struct json *out, const struct print_host *host, const struct gap *gap)
{
	json_object_begin(out);
	json_key(out, "type");
	json_string(out, BYTES_LITERAL("gap"));
	json_key(out, "host");
	json_string(out, host->hostname);
	json_key(out, "from");
	json_time(out, wall(host, gap->from_ns));
	json_key(out, "to");
	json_time(out, wall(host, gap->to_ns));
	json_key(out, "lost");
	json_string(out, bytes_from_string(type_word(gap->type)));
	json_key(out, "count");
	if (gap->count)
		json_uint(out, gap->count);
	else
		json_null(out);
	json_key(out, "reason");
	json_string(out, bytes_from_string(reason_word(gap->reason)));
	json_object_end(out);
	json_raw(out, "\n", 1);
	out->comma = false;
}

void print_gap(struct json *out, enum print_format format, const struct print_host *host, const struct gap *gap)
{
	if (format == PRINT_JSON)
		json_gap(out, host, gap);
	else if (format == PRINT_CLASSIC)
		put(out, "[LOST] type=%s count=%" PRIu64 " reason=%s\n", type_word(gap->type), gap->count,
		    reason_word(gap->reason));
}
