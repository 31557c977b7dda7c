/* SPDX-License-Identifier: Apache-2.0 */
/* The process object of the interface, member by member in the order of its description. What is not known is null:
 * each helper here knows what stands for 'unknown' in its kind of value. */
#include "proto/model/json.h"

#include "proto/model/container.h"

static const struct process_word flag_words[] = {
	{FACT_SETUID, "setuid"},
	{FACT_SETGID, "setgid"},
	{FACT_FILECAP, "filecap"},
	{FACT_MEMFD, "memfd"},
	{FACT_DELETED, "deleted"},
	{FACT_UPPER, "upper"},
	{FACT_EXE_TRUNCATED, "exe_truncated"},
	{FACT_CWD_TRUNCATED, "cwd_truncated"},
	{FACT_REDACTED, "redacted"},
	{FACT_CGROUP_TRUNCATED, "cgroup_truncated"},
	{FACT_ZOMBIE, "zombie"},
};
#define FLAG_WORDS (sizeof(flag_words) / sizeof(flag_words[0]))

static const char *const state_words[] = {
	[PROCESS_UNKNOWN] = "unknown",
	[PROCESS_LIVE] = "live",
	[PROCESS_EXITED] = "exited",
};

/* A number for which 0 says 'unknown'. */
static void nonzero(struct json *json, uint64_t value)
{
	if (value)
		json_uint(json, value);
	else
		json_null(json);
}

static void id_number(struct json *json, uint32_t id)
{
	if (id != FACT_ID_UNKNOWN)
		json_uint(json, id);
	else
		json_null(json);
}

static void words(struct json *json, uint32_t bits, const struct process_word *table, size_t count)
{
	json_array_begin(json);
	for (size_t i = 0; i < count; i++)
		if (bits & table[i].bit)
			json_text(json, table[i].text);
	json_array_end(json);
}

static void process_id(struct json *json, const struct boot_id *boot, struct process_key key)
{
	char id[PROCESS_ID_MAX];

	if (key.tgid == 0 || key.start_ns == 0) {
		json_null(json);
		return;
	}
	process_id_format(boot, key, id);
	json_text(json, id);
}

/* KEY: a string or null; and KEY_raw where the string alone does not tell the bytes. */
#define MEMBER_BYTES(json, key, value, known) \
	do { \
		struct bytes bytes_ = (value); \
		json_key(json, key); \
		if (!(known)) \
			json_null(json); \
		else \
			json_string(json, bytes_); \
		if ((known) && !json_is_utf8(bytes_)) { \
			json_key(json, key "_raw"); \
			json_base64(json, bytes_); \
		} \
	} while (0)

/* ---- images -------------------------------------------------------------------------------------------------- */

typedef void (*argument_cb)(struct json *json, struct bytes argument);

static void arguments(struct json *json, struct bytes argv, argument_cb put)
{
	const char *p = argv.data, *end = argv.len ? argv.data + argv.len : p;

	json_array_begin(json);
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		const char *stop = nul ? nul : end;

		put(json, bytes_make(p, (size_t)(stop - p)));
		p = nul ? nul + 1 : end;
	}
	json_array_end(json);
}

static void members_argv(struct json *json, const struct process_image *image)
{
	json_key(json, "argv");
	if (!image || !(image->flags & FACT_ARGV_KNOWN)) {
		json_null(json);
		return;
	}
	arguments(json, image->argv, json_string);
	if (!json_is_utf8(image->argv)) {
		json_key(json, "argv_raw");
		arguments(json, image->argv, json_base64);
	}
}

static void members_argv_size(struct json *json, const struct process_image *image)
{
	bool known = image && image->flags & FACT_ARGV_KNOWN;

	json_key(json, "argv_bytes");
	if (known)
		json_uint(json, image->argv_bytes);
	else
		json_null(json);
	json_key(json, "argv_truncated");
	if (known)
		json_bool(json, image->flags & FACT_ARGV_TRUNCATED);
	else
		json_null(json);
}

/* A member for each name; of names that stand there twice the first one counts, as for the program. */
static void variables(struct json *json, struct bytes environ_, argument_cb put)
{
	struct bytes rest = environ_, name, value, first;

	json_object_begin(json);
	while (process_variable_next(&rest, &name, &value)) {
		if (!process_variable(environ_, name, &first) || first.data != value.data)
			continue;
		json_string(json, name);
		json_raw(json, ":", 1);
		json->comma = false;
		put(json, value);
	}
	json_object_end(json);
}

static void members_environ(struct json *json, const struct process_image *image)
{
	json_key(json, "env");
	if (!image || !image->environ_.len) {
		json_null(json);
		return;
	}
	variables(json, image->environ_, json_string);
	if (!json_is_utf8(image->environ_)) {
		json_key(json, "env_raw");
		variables(json, image->environ_, json_base64);
	}
}

static bool exe_known(const struct process_image *image)
{
	return image && image->flags & FACT_EXE_KNOWN && image->exe.len > 0;
}

static void members_image(struct json *json, const struct process_image *image)
{
	bool cwd_known = image && image->flags & FACT_CWD_KNOWN && image->cwd.len > 0;

	json_key(json, "exec_seq");
	if (image)
		json_uint(json, image->seq);
	else
		json_null(json);
	MEMBER_BYTES(json, "comm", image ? image->comm : BYTES_NULL, image);
	MEMBER_BYTES(json, "exe", image ? image->exe : BYTES_NULL, exe_known(image));
	MEMBER_BYTES(json, "script", image ? image->script : BYTES_NULL, image && image->script.len > 0);
	members_argv(json, image);
	members_argv_size(json, image);
	members_environ(json, image);
	MEMBER_BYTES(json, "cwd", image ? image->cwd : BYTES_NULL, cwd_known);
}

static void member_device(struct json *json, uint32_t device)
{
	char text[64]; /* two 32-bit numbers and what json_uint reserves */
	struct json small = {.data = text, .capacity = sizeof(text)};

	json_uint(&small, device >> 20);
	json_raw(&small, ":", 1);
	small.comma = false;
	json_uint(&small, device & 0xfffff);
	json_string(json, bytes_make(text, small.len));
}

static void members_file(struct json *json, const struct process_image *image)
{
	bool known = image && image->flags & FACT_EXE_KNOWN && image->exe_inode != 0;

	json_key(json, "exe_inode");
	nonzero(json, known ? image->exe_inode : 0);
	json_key(json, "exe_dev");
	if (known)
		member_device(json, image->exe_dev);
	else
		json_null(json);
	json_key(json, "flags");
	if (image)
		words(json, image->flags, flag_words, FLAG_WORDS);
	else
		json_null(json);
}

static void members_images(struct json *json, const struct process_view *process)
{
	json_key(json, "images");
	json_array_begin(json);
	for (size_t i = 0; i < process->image_count; i++) {
		const struct process_image *image = &process->images[i];

		json_object_begin(json);
		json_key(json, "seq");
		json_uint(json, image->seq);
		json_key(json, "time");
		json_time(json, image->wall_ns);
		MEMBER_BYTES(json, "exe", image->exe, exe_known(image));
		members_argv(json, image);
		json_object_end(json);
	}
	json_array_end(json);
}

/* ---- context ------------------------------------------------------------------------------------------------- */

static void members_ids(struct json *json, const struct fact_context *context)
{
	json_key(json, "uid");
	id_number(json, context->uid);
	json_key(json, "gid");
	id_number(json, context->gid);
	json_key(json, "euid");
	id_number(json, context->euid);
	json_key(json, "egid");
	id_number(json, context->egid);
	MEMBER_BYTES(json, "user", context->user, context->user.len > 0);
	json_key(json, "loginuid");
	id_number(json, context->loginuid);
}

static void members_caps_ns(struct json *json, const struct fact_context *context)
{
	json_key(json, "caps");
	json_object_begin(json);
	json_key(json, "effective");
	json_hex64(json, context->cap_effective);
	json_key(json, "permitted");
	json_hex64(json, context->cap_permitted);
	json_key(json, "inheritable");
	json_hex64(json, context->cap_inheritable);
	json_object_end(json);
	json_key(json, "ns");
	json_object_begin(json);
	json_key(json, "mnt");
	nonzero(json, context->ns_mnt);
	json_key(json, "pid");
	nonzero(json, context->ns_pid);
	json_key(json, "net");
	nonzero(json, context->ns_net);
	json_key(json, "user");
	nonzero(json, context->ns_user);
	json_key(json, "uts");
	nonzero(json, context->ns_uts);
	json_key(json, "ipc");
	nonzero(json, context->ns_ipc);
	json_key(json, "cgroup");
	nonzero(json, context->ns_cgroup);
	json_key(json, "time");
	nonzero(json, context->ns_time);
	json_object_end(json);
}

static void members_cgroup(struct json *json, const struct fact_context *context)
{
	char buffer[CONTAINER_ID_MAX];
	struct bytes container = container_id_find(context->cgroup, buffer);

	MEMBER_BYTES(json, "cgroup", context->cgroup, context->cgroup.len > 0);
	json_key(json, "container_id");
	if (container.len)
		json_string(json, container);
	else
		json_null(json);
}

static void members_context(struct json *json, const struct fact_context *context)
{
	static const char unknown[] =
	    "\"uid\":null,\"gid\":null,\"euid\":null,\"egid\":null,\"user\":null,\"loginuid\":null,"
	    "\"caps\":null,\"ns\":null,\"cgroup\":null,\"container_id\":null";

	if (!context) {
		json_raw(json, ",", json->comma);
		json_raw(json, unknown, sizeof(unknown) - 1);
		json->comma = true;
		return;
	}
	members_ids(json, context);
	members_caps_ns(json, context);
	members_cgroup(json, context);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void members_identity(struct json *json, const struct process_view *process)
{
	char boot[BOOT_ID_TEXT];

	boot_id_format(&process->boot, boot);
	json_key(json, "id");
	process_id(json, &process->boot, process->self);
	MEMBER_BYTES(json, "host", process->host, process->host.len > 0);
	json_key(json, "boot_id");
	json_text(json, boot);
	json_key(json, "pid");
	nonzero(json, process->self.tgid);
	json_key(json, "start");
	json_time(json, process->start_wall_ns);
	json_key(json, "start_boottime_ns");
	nonzero(json, process->self.start_ns);
	json_key(json, "parent_id");
	process_id(json, &process->boot, process->parent);
	json_key(json, "ppid");
	nonzero(json, process->parent.tgid);
	json_key(json, "creator_id");
	process_id(json, &process->boot, process->creator);
	json_key(json, "current_ppid");
	nonzero(json, process->current_ppid);
	json_key(json, "state");
	json_text(json, state_words[process->state]);
}

static void members_session(struct json *json, const struct process_view *process)
{
	char tty[32];

	process_tty_format(process->tty, tty);
	json_key(json, "pgid");
	nonzero(json, process->pgid);
	json_key(json, "sid");
	nonzero(json, process->sid);
	json_key(json, "tty");
	json_text(json, tty[0] ? tty : NULL);
	json_key(json, "ns_pid");
	nonzero(json, process->ns_tgid);
}

static void members_exit_status(struct json *json, const struct fact_exit *exit)
{
	json_key(json, "code");
	if (exit->signal == 0 && exit->code >= 0)
		json_int(json, exit->code);
	else
		json_null(json);
	json_key(json, "signal");
	nonzero(json, exit->signal);
	json_key(json, "core");
	json_bool(json, exit->core);
	json_key(json, "utime_ns");
	json_uint(json, exit->utime_ns);
	json_key(json, "stime_ns");
	json_uint(json, exit->stime_ns);
	json_key(json, "max_rss_bytes");
	json_uint(json, exit->max_rss_bytes);
}

static void member_exit(struct json *json, const struct process_view *process)
{
	static const char unknown[] =
	    ",\"code\":null,\"signal\":null,\"core\":null,\"utime_ns\":null,\"stime_ns\":null,"
	    "\"max_rss_bytes\":null";

	json_key(json, "exit");
	if (!process->exited && !process->exit_known) {
		json_null(json);
		return;
	}
	json_object_begin(json);
	json_key(json, "time");
	json_time(json, process->exited ? process->end_wall_ns : INT64_MIN);
	if (process->exit_known)
		members_exit_status(json, &process->exit);
	else
		json_raw(json, unknown, sizeof(unknown) - 1);
	json_object_end(json);
}

void json_process_members(struct json *json, const struct process_view *process)
{
	const struct process_image *image = process_current(process);
	uint64_t duration;

	members_identity(json, process);
	members_image(json, image);
	members_session(json, process);
	members_context(json, process->context);
	members_file(json, image);
	members_images(json, process);
	member_exit(json, process);
	json_key(json, "duration_ns");
	if (process_duration(process, &duration))
		json_uint(json, duration);
	else
		json_null(json);
	json_key(json, "quality");
	words(json, process->quality, process_quality_words, PROCESS_QUALITY_WORDS);
}

void json_process(struct json *json, const struct process_view *process)
{
	json_object_begin(json);
	json_process_members(json, process);
	json_object_end(json);
}
