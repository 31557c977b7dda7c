/* SPDX-License-Identifier: Apache-2.0 */
/* canopy show ID: everything that is known of one process, in groups that people look for. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector/console/cli/capability.h"
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"
#include "collector/console/cli/tree.h"

#define LABEL_WIDTH 14

struct sheet {
	const json_t *process, *lineage; /* borrowed; lineage may be NULL */
	struct face face;
	bool color;
	struct text out;
};

/* ---- lines ---------------------------------------------------------------------------------------------------- */

static void add_group(struct sheet *sheet, const char *name)
{
	text_printf(&sheet->out, "\n%s%s%s\n", color_begin(COLOR_BOLD, sheet->color), name,
		    color_end(COLOR_BOLD, sheet->color));
}

static void add_label(struct sheet *sheet, const char *label)
{
	text_printf(&sheet->out, "  %s%-*s%s ", color_begin(COLOR_DIM, sheet->color), LABEL_WIDTH, label,
		    color_end(COLOR_DIM, sheet->color));
}

/* A value as a column of the same kind shows it. */
static void add_value(struct sheet *sheet, const char *label, const char *path, enum column_kind kind)
{
	struct column column = {.path = path, .kind = kind};

	add_label(sheet, label);
	(void)column_add(&column, sheet->process, &sheet->face, &sheet->out);
	text_putc(&sheet->out, '\n');
}

struct row {
	const char *label, *path;
	enum column_kind kind;
};

static void add_rows(struct sheet *sheet, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_value(sheet, rows[i].label, rows[i].path, rows[i].kind);
}

#define ADD_ROWS(sheet, rows) add_rows(sheet, rows, sizeof(rows) / sizeof((rows)[0]))

/* 'real 1000, effective 0' */
static void add_pair(struct sheet *sheet, const char *label, const char *first, const char *second)
{
	int64_t real, effective;
	bool has_real = object_int(sheet->process, first, &real),
	     has_effective = object_int(sheet->process, second, &effective);

	add_label(sheet, label);
	if (!has_real && !has_effective)
		text_putc(&sheet->out, '-');
	if (has_real)
		text_printf(&sheet->out, "%" PRId64, real);
	if (has_effective && (!has_real || effective != real))
		text_printf(&sheet->out, "%seffective %" PRId64, has_real ? ", " : "", effective);
	text_putc(&sheet->out, '\n');
}

static void add_moment(struct sheet *sheet, const char *label, const char *path)
{
	int64_t moment;

	add_label(sheet, label);
	if (object_time(sheet->process, path, &moment)) {
		timefmt_add_full(&sheet->out, moment);
		if (moment <= sheet->face.now) {
			text_puts(&sheet->out, "  (");
			timefmt_add_span(&sheet->out, sheet->face.now - moment);
			text_puts(&sheet->out, " ago)");
		}
	} else {
		text_putc(&sheet->out, '-');
	}
	text_putc(&sheet->out, '\n');
}

/* ---- groups --------------------------------------------------------------------------------------------------- */

static void add_title(struct sheet *sheet)
{
	struct text state = TEXT_NULL;
	enum color color = column_add_state(sheet->process, &state);

	text_puts(&sheet->out, color_begin(COLOR_BOLD, sheet->color));
	column_add_command(sheet->process, &sheet->face, &sheet->out);
	text_printf(&sheet->out, "%s\n", color_end(COLOR_BOLD, sheet->color));
	add_label(sheet, "state");
	text_printf(&sheet->out, "%s%s%s\n", color_begin(color, sheet->color), text_string(&state),
		    color_end(color, sheet->color));
	text_finish(&state);
	add_moment(sheet, "started", "start");
	if (object_at(sheet->process, "exit.time"))
		add_moment(sheet, "ended", "exit.time");
	add_value(sheet, "duration", "duration_ns", COLUMN_SPAN);
}

static void add_identity(struct sheet *sheet)
{
	static const struct row rows[] = {
		{"id", "id", COLUMN_TEXT},
		{"host", "host", COLUMN_TEXT},
		{"boot", "boot_id", COLUMN_TEXT},
		{"pid", "pid", COLUMN_NUMBER},
		{"pid inside", "ns_pid", COLUMN_NUMBER},
		{"session", "sid", COLUMN_NUMBER},
		{"process group", "pgid", COLUMN_NUMBER},
		{"terminal", "tty", COLUMN_TEXT},
	};

	add_group(sheet, "Identity");
	ADD_ROWS(sheet, rows);
}

static void add_breadcrumb(struct sheet *sheet)
{
	const json_t *ancestor;
	size_t i, count = json_array_size(sheet->lineage);

	add_label(sheet, "ancestors");
	if (!count)
		text_putc(&sheet->out, '-');
	json_array_foreach(sheet->lineage, i, ancestor) {
		struct bytes comm = object_string(ancestor, "comm");
		int64_t pid = 0;

		if (i)
			text_puts(&sheet->out, sheet->face.utf8 ? " › " : " > ");
		if (comm.len)
			escape_text(&sheet->out, comm, sheet->face.utf8);
		else
			text_putc(&sheet->out, '?');
		if (object_int(ancestor, "pid", &pid))
			text_printf(&sheet->out, "(%" PRId64 ")", pid);
	}
	text_putc(&sheet->out, '\n');
}

static void add_parents(struct sheet *sheet)
{
	static const struct row rows[] = {
		{"parent", "parent_id", COLUMN_TEXT},
		{"parent pid", "ppid", COLUMN_NUMBER},
		{"parent now", "current_ppid", COLUMN_NUMBER},
		{"creator", "creator_id", COLUMN_TEXT},
	};

	add_group(sheet, "Parents");
	add_breadcrumb(sheet);
	ADD_ROWS(sheet, rows);
}

static void add_image(struct sheet *sheet)
{
	static const struct row rows[] = {
		{"name", "comm", COLUMN_TEXT},
		{"file", "exe", COLUMN_TEXT},
		{"script", "script", COLUMN_TEXT},
		{"folder", "cwd", COLUMN_TEXT},
		{"argument bytes", "argv_bytes", COLUMN_NUMBER},
		{"arguments cut", "argv_truncated", COLUMN_BOOL},
		{"inode", "exe_inode", COLUMN_NUMBER},
		{"device", "exe_dev", COLUMN_TEXT},
		{"flags", "flags", COLUMN_WORDS},
	};

	add_group(sheet, "Image");
	ADD_ROWS(sheet, rows);
}

static void add_history(struct sheet *sheet)
{
	const json_t *images = object_at(sheet->process, "images"), *image;
	size_t i;

	add_group(sheet, "History");
	if (json_array_size(images) == 0)
		text_puts(&sheet->out, "  -\n");
	json_array_foreach(images, i, image) {
		int64_t seq = (int64_t)i, moment;
		struct bytes exe = object_string(image, "exe");

		(void)object_int(image, "seq", &seq);
		text_printf(&sheet->out, "  #%-3" PRId64 " ", seq);
		if (object_time(image, "time", &moment))
			timefmt_add_full(&sheet->out, moment);
		text_puts(&sheet->out, "  ");
		escape_text(&sheet->out, exe, sheet->face.utf8);
		text_puts(&sheet->out, exe.len ? "  " : "");
		column_add_command(image, &sheet->face, &sheet->out);
		text_putc(&sheet->out, '\n');
	}
}

static void add_capabilities(struct sheet *sheet, const char *label, const char *path)
{
	struct bytes hex = object_string(sheet->process, path);

	add_label(sheet, label);
	if (hex.len)
		capability_add_names(hex, &sheet->out);
	else
		text_putc(&sheet->out, '-');
	text_putc(&sheet->out, '\n');
}

static void add_credentials(struct sheet *sheet)
{
	add_group(sheet, "Credentials");
	add_value(sheet, "user", "user", COLUMN_USER);
	add_pair(sheet, "uid", "uid", "euid");
	add_pair(sheet, "gid", "gid", "egid");
	add_value(sheet, "login uid", "loginuid", COLUMN_NUMBER);
	add_capabilities(sheet, "effective", "caps.effective");
	add_capabilities(sheet, "permitted", "caps.permitted");
	add_capabilities(sheet, "inheritable", "caps.inheritable");
}

static void add_surroundings(struct sheet *sheet)
{
	static const char *const spaces[] = {"mnt", "pid", "net", "user", "uts", "ipc", "cgroup", "time"};
	char path[16];
	size_t begin;

	add_group(sheet, "Surroundings");
	add_value(sheet, "container", "container_id", COLUMN_TEXT);
	add_value(sheet, "cgroup", "cgroup", COLUMN_TEXT);
	add_label(sheet, "namespaces");
	begin = sheet->out.len;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		int64_t inode;

		(void)snprintf(path, sizeof(path), "ns.%s", spaces[i]);
		if (object_int(sheet->process, path, &inode))
			text_printf(&sheet->out, "%s%s %" PRId64, sheet->out.len > begin ? ", " : "", spaces[i], inode);
	}
	text_puts(&sheet->out, sheet->out.len > begin ? "\n" : "-\n");
}

static void add_exit(struct sheet *sheet)
{
	static const struct row rows[] = {
		{"code", "exit.code", COLUMN_NUMBER},
		{"signal", "exit.signal", COLUMN_NUMBER},
		{"core dumped", "exit.core", COLUMN_BOOL},
		{"user time", "exit.utime_ns", COLUMN_SPAN},
		{"system time", "exit.stime_ns", COLUMN_SPAN},
		{"peak memory", "exit.max_rss_bytes", COLUMN_BYTES},
	};

	add_group(sheet, "Exit");
	ADD_ROWS(sheet, rows);
}

static void add_quality(struct sheet *sheet)
{
	static const struct {
		const char *word, *meaning;
	} words[] = {
		{"seeded", "it ran before the sensor did: taken from a snapshot"},
		{"exec_lost", "an exec between two that are known was lost"},
		{"placeholder", "only spoken of by others: nothing of its own has come"},
		{"exit_unknown", "it is gone, and nobody saw how"},
		{"host_rebooted", "it ended with its host's boot"},
	};
	const json_t *list = object_at(sheet->process, "quality"), *word;
	size_t i;

	add_group(sheet, "Quality");
	if (json_array_size(list) == 0)
		text_puts(&sheet->out, "  whole: start and end are as the kernel told them\n");
	json_array_foreach(list, i, word) {
		const char *name = json_is_string(word) ? json_string_value(word) : "", *meaning = "";

		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			if (strcmp(words[j].word, name) == 0)
				meaning = words[j].meaning;
		text_puts(&sheet->out, "  ");
		escape_text(&sheet->out, bytes_from_string(name), sheet->face.utf8);
		text_printf(&sheet->out, "%s%s\n", *meaning ? ": " : "", meaning);
	}
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static int print_sheet(struct context *context, const json_t *process, const json_t *lineage)
{
	struct sheet sheet = {process, lineage, context_face(context), context->terminal.color, TEXT_NULL};
	int err;

	add_title(&sheet);
	add_identity(&sheet);
	add_parents(&sheet);
	add_image(&sheet);
	add_history(&sheet);
	add_credentials(&sheet);
	add_surroundings(&sheet);
	if (!bytes_equal(object_string(process, "state"), BYTES_LITERAL("live")))
		add_exit(&sheet);
	add_quality(&sheet);
	err = text_write(&sheet.out, stdout);
	text_finish(&sheet.out);
	return err ? context_fail(err) : context_result(context, 1);
}

static int print_json(struct context *context, const struct transfer *transfer)
{
	struct text out = TEXT_NULL;
	int err;

	if (context->terminal.is_terminal)
		escape_json(&out, text_bytes(&transfer->body), context->terminal.utf8);
	else
		text_add(&out, transfer->body.data, transfer->body.len);
	if (out.len && out.data[out.len - 1] != '\n')
		text_putc(&out, '\n');
	err = text_write(&out, stdout);
	text_finish(&out);
	return err ? context_fail(err) : context_result(context, 1);
}

/* The breadcrumb is a courtesy: when it cannot be had the sheet is shown without. */
static json_t *fetch_lineage(struct context *context, struct text *path)
{
	struct transfer transfer = TRANSFER_NULL;
	json_t *answer = NULL;

	text_puts(path, "/lineage");
	if (client_get(&context->client, text_string(path), &transfer) == 0 && transfer_ok(&transfer))
		answer = object_parse(transfer.body.data, transfer.body.len);
	transfer_end(&transfer);
	return answer;
}

static int show(struct context *context, struct text *path, const struct transfer *transfer)
{
	enum output_format output = context->options.output;
	json_t *process, *lineage;
	int code;

	if (output == OUTPUT_JSON || output == OUTPUT_NDJSON)
		return print_json(context, transfer);
	process = object_parse(transfer->body.data, transfer->body.len);
	if (!json_is_object(process)) {
		json_decref(process);
		return context_fail(-EBADMSG);
	}
	lineage = fetch_lineage(context, path);
	context_note_incomplete(context, lineage);
	code = print_sheet(context, process, object_at(lineage, "lineage"));
	json_decref(lineage);
	json_decref(process);
	return code;
}

int cmd_show(struct context *context)
{
	struct transfer transfer = TRANSFER_NULL;
	struct text path = TEXT_NULL;
	int code = context_add_process(context, &path, context->options.words[0]);

	if (!code)
		code = context_get(context, &path, 0, &transfer);
	if (!code) {
		code = show(context, &path, &transfer);
		transfer_end(&transfer);
	}
	text_finish(&path);
	return code;
}
