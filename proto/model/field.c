/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fields. Names and meanings follow Falco where it has the field: proc.exe is the first argument,
 * proc.exepath the file, proc.cmdline the name with the arguments behind the first. A getter that lacks knowledge says
 * so and never guesses. */
#include "proto/model/field.h"

#include "proto/model/container.h"

static const struct field_value unknown = {.known = false};

static struct field_value of_string(struct bytes value)
{
	return (struct field_value){.known = value.data && value.len > 0, .string = value};
}

/* An empty string is knowledge here. */
static struct field_value of_text(struct bytes value, bool known)
{
	if (known && !value.data)
		value = BYTES_LITERAL("");
	return (struct field_value){.known = known, .string = value};
}

static struct field_value of_number(int64_t value, bool known)
{
	return (struct field_value){.known = known, .number = value};
}

static struct field_value of_nonzero(uint64_t value)
{
	return of_number((int64_t)value, value != 0);
}

static struct field_value of_truth(bool value, bool known)
{
	return (struct field_value){.known = known, .truth = value};
}

static struct field_value of_id(const struct fact_context *context, uint32_t id)
{
	return of_number(id, context && id != FACT_ID_UNKNOWN);
}

static struct field_value of_copy(struct arena *arena, const char *text)
{
	return of_string(arena_copy(arena, bytes_from_string(text)));
}

/* ---- host ---------------------------------------------------------------------------------------------------- */

static struct field_value host_name(const struct process_view *p, struct arena *arena)
{
	return of_string(p->host);
}

static struct field_value host_boot(const struct process_view *p, struct arena *arena)
{
	char text[BOOT_ID_TEXT];

	boot_id_format(&p->boot, text);
	return of_copy(arena, text);
}

/* key=value,key=value */
static struct field_value host_tags(const struct process_view *p, struct arena *arena)
{
	size_t need = 0;
	char *text, *at;

	for (size_t i = 0; i < 2 * p->tag_count; i++)
		need += (size_t)p->tags[i].len + 1;
	if (need == 0)
		return unknown;
	text = at = arena_alloc_aligned(arena, need, 1);
	if (!text)
		return unknown;
	for (size_t i = 0; i < 2 * p->tag_count; i++) {
		if (p->tags[i].len)
			memcpy(at, p->tags[i].data, p->tags[i].len);
		at += p->tags[i].len;
		*at++ = i % 2 ? ',' : '=';
	}
	return of_string(bytes_make(text, need - 1));
}

/* ---- identity and position ----------------------------------------------------------------------------------- */

static struct field_value proc_id(const struct process_view *p, struct arena *arena)
{
	char text[PROCESS_ID_MAX];

	if (p->self.tgid == 0 || p->self.start_ns == 0)
		return unknown;
	process_id_format(&p->boot, p->self, text);
	return of_copy(arena, text);
}

static struct field_value proc_pid(const struct process_view *p, struct arena *arena)
{
	return of_nonzero(p->self.tgid);
}

static struct field_value proc_ppid(const struct process_view *p, struct arena *arena)
{
	return of_nonzero(p->parent.tgid);
}

static struct field_value proc_vpid(const struct process_view *p, struct arena *arena)
{
	return of_nonzero(p->ns_tgid);
}

static struct field_value proc_sid(const struct process_view *p, struct arena *arena)
{
	return of_nonzero(p->sid);
}

static struct field_value proc_pgid(const struct process_view *p, struct arena *arena)
{
	return of_nonzero(p->pgid);
}

static struct field_value proc_tty(const struct process_view *p, struct arena *arena)
{
	char text[32];

	process_tty_format(p->tty, text);
	return text[0] ? of_copy(arena, text) : unknown;
}

static struct field_value proc_depth(const struct process_view *p, struct arena *arena)
{
	return of_number(p->depth, true);
}

static struct field_value proc_nchilds(const struct process_view *p, struct arena *arena)
{
	return of_number(p->child_count, true);
}

/* ---- image --------------------------------------------------------------------------------------------------- */

static bool argv_known(const struct process_view *p)
{
	const struct process_image *image = process_current(p);

	return image && image->flags & FACT_ARGV_KNOWN;
}

static struct field_value proc_name(const struct process_view *p, struct arena *arena)
{
	const struct process_image *image = process_current(p);

	return image ? of_text(image->comm, true) : unknown;
}

static struct field_value proc_exepath(const struct process_view *p, struct arena *arena)
{
	const struct process_image *image = process_current(p);

	return image && image->flags & FACT_EXE_KNOWN ? of_string(image->exe) : unknown;
}

static struct field_value proc_exe(const struct process_view *p, struct arena *arena)
{
	struct bytes first = BYTES_NULL;

	if (!argv_known(p))
		return unknown;
	(void)process_argv_split(process_current(p)->argv, &first, 1);
	return of_text(first, true);
}

/* The arguments behind the first one, joined by blanks, with first and a blank before them when first is given. */
static struct field_value join(const struct process_image *image, const struct bytes *first, struct arena *arena)
{
	struct bytes argv = image->argv;
	const char *nul = argv.len ? memchr(argv.data, '\0', argv.len) : NULL;
	uint32_t skip = nul ? (uint32_t)(nul - argv.data) + 1 : argv.len, rest = argv.len - skip;
	char *text = arena_alloc_aligned(arena, (size_t)rest + 1 + (first ? (size_t)first->len + 1 : 0), 1), *at = text;

	if (!text)
		return unknown;
	if (rest > 0 && argv.data[argv.len - 1] == '\0')
		rest--; /* ends the last argument, separates nothing */
	if (first && first->len)
		memcpy(at, first->data, first->len);
	at += first ? first->len : 0;
	if (first && skip < argv.len)
		*at++ = ' ';
	if (rest)
		memcpy(at, argv.data + skip, rest);
	for (uint32_t i = 0; i < rest; i++)
		if (at[i] == '\0')
			at[i] = ' ';
	return of_text(bytes_make(text, (size_t)(at - text) + rest), true);
}

static struct field_value proc_args(const struct process_view *p, struct arena *arena)
{
	return argv_known(p) ? join(process_current(p), NULL, arena) : unknown;
}

static struct field_value proc_cmdline(const struct process_view *p, struct arena *arena)
{
	return argv_known(p) ? join(process_current(p), &process_current(p)->comm, arena) : unknown;
}

/* All that was told, joined by blanks; one of them is the filter's matter. */
static struct field_value proc_env(const struct process_view *p, struct arena *arena)
{
	const struct process_image *image = process_current(p);
	struct bytes copy;

	if (!image || !image->environ_.len)
		return unknown;
	copy = arena_copy(arena, image->environ_);
	for (uint32_t i = 0; copy.data && i < copy.len; i++) {
		if (!copy.data[i])
			((char *)(uintptr_t)copy.data)[i] = ' ';
	}
	if (copy.len && copy.data && copy.data[copy.len - 1] == ' ')
		copy.len--;
	return of_text(copy, true);
}

static struct field_value proc_cwd(const struct process_view *p, struct arena *arena)
{
	const struct process_image *image = process_current(p);

	return image && image->flags & FACT_CWD_KNOWN ? of_string(image->cwd) : unknown;
}

static struct field_value image_flag(const struct process_view *p, uint32_t flag)
{
	const struct process_image *image = process_current(p);

	return image ? of_truth(image->flags & flag, image->flags & FACT_EXE_KNOWN) : unknown;
}

static struct field_value proc_memfd(const struct process_view *p, struct arena *arena)
{
	return image_flag(p, FACT_MEMFD);
}

static struct field_value proc_setuid(const struct process_view *p, struct arena *arena)
{
	return image_flag(p, FACT_SETUID);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static struct field_value proc_start(const struct process_view *p, struct arena *arena)
{
	return of_number(p->start_wall_ns, p->start_wall_ns != INT64_MIN);
}

static struct field_value proc_end(const struct process_view *p, struct arena *arena)
{
	return of_number(p->end_wall_ns, p->exited && p->end_wall_ns != INT64_MIN);
}

static struct field_value proc_duration(const struct process_view *p, struct arena *arena)
{
	uint64_t ns;

	return process_duration(p, &ns) && ns <= INT64_MAX ? of_number((int64_t)ns, true) : unknown;
}

static struct field_value proc_alive(const struct process_view *p, struct arena *arena)
{
	return of_truth(p->state == PROCESS_LIVE, p->state != PROCESS_UNKNOWN);
}

static struct field_value proc_exitcode(const struct process_view *p, struct arena *arena)
{
	return of_number(p->exit.code, p->exit_known && p->exit.signal == 0 && p->exit.code >= 0);
}

static struct field_value proc_signal(const struct process_view *p, struct arena *arena)
{
	return of_number(p->exit.signal, p->exit_known && p->exit.signal != 0);
}

/* Words joined by commas; empty when nothing stands between the view and the truth. */
static struct field_value quality(const struct process_view *p, struct arena *arena)
{
	char text[128]; /* all words together take 60 */
	size_t len = 0;

	for (size_t i = 0; i < PROCESS_QUALITY_WORDS; i++) {
		size_t word = strlen(process_quality_words[i].text);

		if (!(p->quality & process_quality_words[i].bit))
			continue;
		if (len)
			text[len++] = ',';
		memcpy(text + len, process_quality_words[i].text, word);
		len += word;
	}
	return of_text(arena_copy(arena, bytes_make(text, len)), true);
}

/* ---- context ------------------------------------------------------------------------------------------------- */

static struct field_value user_uid(const struct process_view *p, struct arena *arena)
{
	return p->context ? of_id(p->context, p->context->uid) : unknown;
}

static struct field_value user_euid(const struct process_view *p, struct arena *arena)
{
	return p->context ? of_id(p->context, p->context->euid) : unknown;
}

static struct field_value user_loginuid(const struct process_view *p, struct arena *arena)
{
	return p->context ? of_id(p->context, p->context->loginuid) : unknown;
}

static struct field_value user_name(const struct process_view *p, struct arena *arena)
{
	return p->context ? of_string(p->context->user) : unknown;
}

static struct field_value container_id(const struct process_view *p, struct arena *arena)
{
	char buffer[CONTAINER_ID_MAX];
	struct bytes id = p->context ? container_id_find(p->context->cgroup, buffer) : BYTES_NULL;

	if (!p->context)
		return unknown;
	return of_string(id.data == buffer ? arena_copy(arena, id) : id);
}

static struct field_value cgroup_path(const struct process_view *p, struct arena *arena)
{
	return p->context ? of_string(p->context->cgroup) : unknown;
}

/* A view has no ancestors: whoever has them looks there for the field of the same end. */
static struct field_value of_ancestor(const struct process_view *p, struct arena *arena)
{
	return unknown;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct field fields[] = {
	{"host.name", "HOST", "name of the host", FIELD_STRING, host_name},
	{"host.boot", "BOOT", "boot id of the host, 32 hex digits", FIELD_STRING, host_boot},
	{"host.tag", "TAGS", "a tag of the host, as host.tag.KEY", FIELD_STRING, host_tags},
	{"proc.id", "ID", "identity: BOOT-PID-START", FIELD_STRING, proc_id},
	{"proc.pid", "PID", "process id in the host's own pid namespace", FIELD_NUMBER, proc_pid},
	{"proc.ppid", "PPID", "process id of the parent at creation", FIELD_NUMBER, proc_ppid},
	{"proc.name", "NAME", "short name (comm, at most 15 bytes)", FIELD_STRING, proc_name},
	{"proc.exe", "ARGV0", "first argument, as the caller chose it", FIELD_STRING, proc_exe},
	{"proc.exepath", "EXE", "path of the executable", FIELD_STRING, proc_exepath},
	{"proc.cmdline", "COMMAND", "name and arguments", FIELD_STRING, proc_cmdline},
	{"proc.args", "ARGS", "arguments without the first", FIELD_STRING, proc_args},
	{"proc.cwd", "CWD", "working directory", FIELD_STRING, proc_cwd},
	{"proc.env", "ENV", "selected variables; one of them as proc.env[NAME]", FIELD_STRING, proc_env},
	{"proc.tty", "TTY", "controlling terminal, such as pts/0", FIELD_STRING, proc_tty},
	{"proc.sid", "SID", "session id", FIELD_NUMBER, proc_sid},
	{"proc.pgid", "PGID", "process group id", FIELD_NUMBER, proc_pgid},
	{"proc.start", "START", "when the process was created", FIELD_TIME, proc_start},
	{"proc.end", "END", "when the process ended", FIELD_TIME, proc_end},
	{"proc.duration", "DURATION", "time from start to end, or until now", FIELD_DURATION, proc_duration},
	{"proc.alive", "ALIVE", "whether the process runs", FIELD_BOOL, proc_alive},
	{"proc.exitcode", "CODE", "exit code, when it exited by itself", FIELD_NUMBER, proc_exitcode},
	{"proc.signal", "SIGNAL", "number of the signal that ended it", FIELD_NUMBER, proc_signal},
	{"proc.depth", "DEPTH", "number of known ancestors", FIELD_NUMBER, proc_depth},
	{"proc.nchilds", "CHILDREN", "number of known children, dead or alive", FIELD_NUMBER, proc_nchilds},
	{"proc.vpid", "VPID", "process id in its own pid namespace", FIELD_NUMBER, proc_vpid},
	{"proc.aname", NULL, "name of an ancestor: [1] = parent, without index any", FIELD_STRING, of_ancestor},
	{"proc.apid", NULL, "process id of an ancestor", FIELD_NUMBER, of_ancestor},
	{"proc.aexepath", NULL, "executable of an ancestor", FIELD_STRING, of_ancestor},
	{"proc.acmdline", NULL, "name and arguments of an ancestor", FIELD_STRING, of_ancestor},
	{"proc.is_exe_from_memfd", "MEMFD", "executable is an anonymous memory file", FIELD_BOOL, proc_memfd},
	{"proc.is_setuid", "SETUID", "the exec took over the file owner's uid", FIELD_BOOL, proc_setuid},
	{"user.uid", "UID", "real user id", FIELD_NUMBER, user_uid},
	{"user.name", "USER", "name of the real user id on the host", FIELD_STRING, user_name},
	{"user.loginuid", "LOGINUID", "user id of the login (audit)", FIELD_NUMBER, user_loginuid},
	{"user.euid", "EUID", "effective user id", FIELD_NUMBER, user_euid},
	{"container.id", "CONTAINER", "id of the container, 64 hex digits", FIELD_STRING, container_id},
	{"cgroup.path", "CGROUP", "path in the cgroup hierarchy", FIELD_STRING, cgroup_path},
	{"quality", "QUALITY", "what is not known, as quality.KEY (true or false)", FIELD_STRING, quality},
};

const struct field *field_table(size_t *ret_count)
{
	*ret_count = sizeof(fields) / sizeof(fields[0]);
	return fields;
}

const struct field *field_find(struct bytes name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (bytes_equal(name, bytes_from_string(fields[i].name)))
			return &fields[i];
	return NULL;
}
