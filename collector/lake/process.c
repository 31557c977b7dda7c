/* SPDX-License-Identifier: Apache-2.0 */
/* OCSF attributes first, each under the name that any reader of the schema looks for; what the schema has no place for
 * stands in xattributes, exactly as the kernel gave it. A value that is not known is left out: zero and null would
 * claim something. */
#include "collector/lake/process.h"

#include "collector/lake/cpid.h"
#include "proto/model/container.h"

static void number(struct json *json, const char *key, uint64_t value, bool known)
{
	if (!known)
		return;
	json_key(json, key);
	json_uint(json, value);
}

static void string(struct json *json, const char *key, struct bytes value)
{
	if (!value.len)
		return;
	json_key(json, key);
	json_string(json, value);
}

static void id_string(struct json *json, const char *key, uint32_t id)
{
	char text[16];
	unsigned at = sizeof(text);

	do
		text[--at] = (char)('0' + id % 10);
	while (id /= 10);
	json_key(json, key);
	json_string(json, bytes_make(text + at, sizeof(text) - at));
}

static void time_ms(struct json *json, const char *key, int64_t wall_ns)
{
	if (wall_ns == INT64_MIN)
		return;
	json_key(json, key);
	json_int(json, lake_ms(wall_ns));
}

static bool exe_known(const struct lake_process *p)
{
	return p->image_known && p->image.flags & FACT_EXE_KNOWN && p->image.exe.len;
}

static bool argv_known(const struct lake_process *p)
{
	return p->image_known && p->image.flags & FACT_ARGV_KNOWN;
}

static bool cwd_known(const struct lake_process *p)
{
	return p->image_known && p->image.flags & FACT_CWD_KNOWN && p->image.cwd.len;
}

/* ---- identity -------------------------------------------------------------------------------------------------- */

static void identity(struct json *json, const struct lake_process *p)
{
	char uid[PROCESS_ID_MAX];

	number(json, "pid", p->key.tgid, true);
	if (p->key.start_ns) {
		process_id_format(p->boot, p->key, uid);
		json_key(json, "uid");
		json_text(json, uid);
	}
	string(json, "name", p->comm);
	if (exe_known(p))
		string(json, "path", p->image.exe);
	time_ms(json, "created_time", p->start_wall_ns);
}

static void cpid(struct json *json, const struct lake_process *p)
{
	char text[CPID_MAX];

	if (!p->key.start_ns || !p->ns_tgid || !p->context || !p->context->ns_pid)
		return;
	if (cpid_format(p->boot, p->context->ns_pid, p->key.start_ns, p->ns_tgid, p->arch, text) < 0)
		return;
	json_key(json, "cpid");
	json_text(json, text);
}

/* ---- command line and file ------------------------------------------------------------------------------------- */

/* Arguments with a blank between them: what people search. The exact list is in xattributes.argv. */
static void cmd_line(struct json *json, const struct lake_process *p, struct arena *arena)
{
	struct bytes line;
	char *at;

	if (!argv_known(p) || !p->image.argv.len)
		return;
	line = arena_copy(arena, p->image.argv);
	if (!line.data) {
		json->failed = true;
		return;
	}
	at = (char *)line.data;
	if (at[line.len - 1] == '\0')
		line.len--;
	for (uint32_t i = 0; i < line.len; i++)
		if (at[i] == '\0')
			at[i] = ' ';
	json_key(json, "cmd_line");
	json_string(json, line);
}

static void file(struct json *json, const struct lake_process *p)
{
	struct bytes path = p->image.exe, name = path;
	const char *slash;

	if (!exe_known(p))
		return;
	slash = memrchr(path.data, '/', path.len);
	if (slash && slash + 1 < path.data + path.len)
		name = bytes_make(slash + 1, (size_t)(path.data + path.len - slash - 1));
	json_key(json, "file");
	json_object_begin(json);
	string(json, "name", name);
	string(json, "path", path);
	number(json, "type_id", 1, true);
	json_key(json, "type");
	json_text(json, "Regular File");
	if (p->image.flags & FACT_DELETED) {
		json_key(json, "is_deleted");
		json_bool(json, true);
	}
	json_object_end(json);
}

/* ---- credentials ----------------------------------------------------------------------------------------------- */

bool lake_user_write(struct json *json, const char *key, const struct fact_context *context)
{
	if (!context || context->uid == FACT_ID_UNKNOWN)
		return false;
	json_key(json, key);
	json_object_begin(json);
	id_string(json, "uid", context->uid);
	string(json, "name", context->user);
	json_object_end(json);
	return true;
}

static void session(struct json *json, const struct lake_process *p)
{
	bool known = p->context && p->context->session != FACT_ID_UNKNOWN;
	char terminal[32];

	if (!known && !p->tty)
		return;
	json_key(json, "session");
	json_object_begin(json);
	if (known)
		id_string(json, "uid", p->context->session);
	if (p->tty) {
		process_tty_format(p->tty, terminal);
		json_key(json, "terminal");
		json_text(json, terminal);
	}
	json_object_end(json);
}

static void credentials(struct json *json, const struct lake_process *p)
{
	const struct fact_context *c = p->context;
	char buffer[CONTAINER_ID_MAX];
	struct bytes container;

	session(json, p);
	if (!c)
		return;
	(void)lake_user_write(json, "user", c);
	if (c->gid != FACT_ID_UNKNOWN) {
		json_key(json, "group");
		json_object_begin(json);
		id_string(json, "uid", c->gid);
		json_object_end(json);
	}
	number(json, "euid", c->euid, c->euid != FACT_ID_UNKNOWN);
	number(json, "egid", c->egid, c->egid != FACT_ID_UNKNOWN);
	number(json, "auid", c->loginuid, c->loginuid != FACT_ID_UNKNOWN);
	container = container_id_find(c->cgroup, buffer);
	if (container.len) {
		json_key(json, "container");
		json_object_begin(json);
		string(json, "uid", container);
		json_object_end(json);
	}
}

/* ---- extended attributes --------------------------------------------------------------------------------------- */

static void x_argv(struct json *json, const struct lake_process *p)
{
	struct bytes left = p->image.argv;

	if (!argv_known(p))
		return;
	json_key(json, "argv");
	json_array_begin(json);
	while (left.len) {
		const char *nul = memchr(left.data, '\0', left.len);
		uint32_t len = nul ? (uint32_t)(nul - left.data) : left.len, step = len + (nul != NULL);

		json_string(json, bytes_make(left.data, len));
		left = bytes_make(left.data + step, left.len - step);
	}
	json_array_end(json);
	number(json, "argv_bytes", p->image.argv_bytes, true);
	if (!json_is_utf8(p->image.argv)) {
		json_key(json, "argv_raw");
		json_base64(json, p->image.argv);
	}
}

static void x_exe(struct json *json, const struct lake_process *p)
{
	if (!p->image_known)
		return;
	number(json, "exec_seq", p->image.seq, true);
	string(json, "script", p->image.script);
	string(json, "interpreter", p->image.interpreter);
	if (!exe_known(p))
		return;
	json_key(json, "exe");
	json_object_begin(json);
	number(json, "inode", p->image.exe_inode, p->image.exe_inode);
	number(json, "dev_major", p->image.exe_dev >> 20, p->image.exe_inode);
	number(json, "dev_minor", p->image.exe_dev & 0xfffff, p->image.exe_inode);
	number(json, "mode", p->image.exe_mode, p->image.exe_inode);
	number(json, "nlink", p->image.exe_nlink, p->image.exe_inode);
	number(json, "ctime_ns", p->image.exe_ctime_ns, p->image.exe_ctime_ns);
	json_object_end(json);
}

static void x_flags(struct json *json, uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{FACT_SETUID, "setuid"},
		{FACT_SETGID, "setgid"},
		{FACT_FILECAP, "filecap"},
		{FACT_MEMFD, "memfd"},
		{FACT_DELETED, "deleted"},
		{FACT_UPPER, "upper"},
		{FACT_ZOMBIE, "zombie"},
		{FACT_REDACTED, "redacted"},
		{FACT_ARGV_TRUNCATED, "argv_truncated"},
		{FACT_EXE_TRUNCATED, "exe_truncated"},
		{FACT_CWD_TRUNCATED, "cwd_truncated"},
		{FACT_CGROUP_TRUNCATED, "cgroup_truncated"},
	};

	json_key(json, "flags");
	json_array_begin(json);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (flags & words[i].bit)
			json_text(json, words[i].word);
	json_array_end(json);
}

static void x_context(struct json *json, const struct fact_context *c)
{
	number(json, "suid", c->suid, c->suid != FACT_ID_UNKNOWN);
	number(json, "sgid", c->sgid, c->sgid != FACT_ID_UNKNOWN);
	number(json, "fsuid", c->fsuid, c->fsuid != FACT_ID_UNKNOWN);
	number(json, "fsgid", c->fsgid, c->fsgid != FACT_ID_UNKNOWN);
	json_key(json, "cap_effective");
	json_hex64(json, c->cap_effective);
	json_key(json, "cap_permitted");
	json_hex64(json, c->cap_permitted);
	json_key(json, "cap_inheritable");
	json_hex64(json, c->cap_inheritable);
	json_key(json, "ns");
	json_object_begin(json);
	number(json, "mnt", c->ns_mnt, c->ns_mnt);
	number(json, "pid", c->ns_pid, c->ns_pid);
	number(json, "net", c->ns_net, c->ns_net);
	number(json, "user", c->ns_user, c->ns_user);
	number(json, "uts", c->ns_uts, c->ns_uts);
	number(json, "ipc", c->ns_ipc, c->ns_ipc);
	number(json, "cgroup", c->ns_cgroup, c->ns_cgroup);
	number(json, "time", c->ns_time, c->ns_time);
	json_object_end(json);
	string(json, "cgroup", c->cgroup);
	number(json, "cgroup_id", c->cgroup_id, c->cgroup_id);
	string(json, "nodename", c->nodename);
}

static void xattributes(struct json *json, const struct lake_process *p, const struct lake_family *family)
{
	char uid[PROCESS_ID_MAX];

	json_key(json, "xattributes");
	json_object_begin(json);
	number(json, "start_boottime_ns", p->key.start_ns, p->key.start_ns);
	x_argv(json, p);
	x_exe(json, p);
	x_flags(json, p->image_known ? p->image.flags : 0);
	number(json, "pgid", p->pgid, p->pgid);
	number(json, "sid", p->sid, p->sid);
	number(json, "tty", p->tty, p->tty);
	number(json, "current_ppid", p->current_ppid, p->current_ppid);
	if (p->creator.tgid) {
		number(json, "creator_pid", p->creator.tgid, true);
		if (p->creator.start_ns) {
			process_id_format(p->boot, p->creator, uid);
			json_key(json, "creator_uid");
			json_text(json, uid);
		}
	}
	if (p->context)
		x_context(json, p->context);
	if (family && family->cut) {
		json_key(json, "ancestry_truncated");
		json_bool(json, true);
	}
	json_object_end(json);
}

static void environment(struct json *json, struct bytes left)
{
	if (!left.len)
		return;
	json_key(json, "environment_variables");
	json_array_begin(json);
	while (left.len) {
		const char *nul = memchr(left.data, '\0', left.len);
		uint32_t len = nul ? (uint32_t)(nul - left.data) : left.len, step = len + (nul != NULL);
		const char *equals = memchr(left.data, '=', len);
		uint32_t name = equals ? (uint32_t)(equals - left.data) : len;

		json_object_begin(json);
		json_key(json, "name");
		json_string(json, bytes_make(left.data, name));
		json_key(json, "value");
		json_string(json, equals ? bytes_make(equals + 1, len - name - 1) : BYTES_LITERAL(""));
		json_object_end(json);
		left = bytes_make(left.data + step, left.len - step);
	}
	json_array_end(json);
}

/* ---- the object ------------------------------------------------------------------------------------------------ */

static void relatives(struct json *json, const struct lake_family *family, struct arena *arena)
{
	if (family->parent) {
		json_key(json, "parent_process");
		lake_process_write(json, family->parent, NULL, arena);
	}
	if (!family->ancestor_count)
		return;
	json_key(json, "ancestry");
	json_array_begin(json);
	for (size_t i = 0; i < family->ancestor_count; i++) {
		json_object_begin(json);
		identity(json, &family->ancestors[i]);
		json_object_end(json);
	}
	json_array_end(json);
}

void lake_process_write(struct json *json, const struct lake_process *p, const struct lake_family *family,
			struct arena *arena)
{
	json_object_begin(json);
	identity(json, p);
	cpid(json, p);
	cmd_line(json, p, arena);
	number(json, "namespace_pid", p->ns_tgid, p->ns_tgid);
	number(json, "ptid", p->tid, p->tid);
	time_ms(json, "terminated_time", p->end_wall_ns);
	if (cwd_known(p))
		string(json, "working_directory", p->image.cwd);
	file(json, p);
	credentials(json, p);
	if (family) {
		environment(json, p->environ_);
		xattributes(json, p, family);
		relatives(json, family, arena);
	}
	json_object_end(json);
}
