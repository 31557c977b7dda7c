/* SPDX-License-Identifier: Apache-2.0 */
/* Written straight into the line: what can be long is cut far below its end, which no history reaches. */
#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct writer {
	char *out;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	w->len += (size_t)vsnprintf(w->out + w->len, JSON_LINE_MAX - w->len, format, args);
	va_end(args);
}

/* Arguments are told with a blank between them, as one string. */
static void put_string(struct writer *w, const char *key, struct bytes text)
{
	put(w, ",\"%s\":\"", key);
	for (uint32_t i = 0; i < text.len && w->len < JSON_LINE_MAX - 1024; i++) {
		char c = text.data[i] ? text.data[i] : ' ';

		if (c == '"' || c == '\\')
			w->out[w->len++] = '\\';
		w->out[w->len++] = c;
	}
	w->out[w->len++] = '"';
}

static void put_context(struct writer *w, const struct fact_context *c)
{
	put(w,
	    ",\"gid\":%u,\"euid\":%u,\"egid\":%u,\"suid\":%u,\"sgid\":%u,\"fsuid\":%u,\"fsgid\":%u,\"loginuid\":%u,"
	    "\"session\":%u",
	    c->gid, c->euid, c->egid, c->suid, c->sgid, c->fsuid, c->fsgid, c->loginuid, c->session);
	put(w, ",\"cap_effective\":%" PRIu64 ",\"cap_permitted\":%" PRIu64 ",\"cap_inheritable\":%" PRIu64,
	    c->cap_effective, c->cap_permitted, c->cap_inheritable);
	put(w,
	    ",\"ns\":{\"mnt\":%u,\"pid\":%u,\"net\":%u,\"user\":%u,\"uts\":%u,\"ipc\":%u,\"cgroup\":%u,\"time\":%u},"
	    "\"cgroup_id\":%" PRIu64,
	    c->ns_mnt, c->ns_pid, c->ns_net, c->ns_user, c->ns_uts, c->ns_ipc, c->ns_cgroup, c->ns_time, c->cgroup_id);
	put_string(w, "user", c->user);
	put_string(w, "nodename", c->nodename);
}

static void put_image(struct writer *w, const struct fact *fact, bool brief)
{
	put_string(w, "exe", fact->exe);
	put_string(w, "cwd", fact->cwd);
	put_string(w, "argv", fact->argv);
	if (!brief)
		put(w,
		    ",\"argv_bytes\":%" PRIu64 ",\"inode\":%" PRIu64
		    ",\"dev\":%u,\"mode\":%u,\"nlink\":%u,\"ctime\":%" PRIu64,
		    fact->argv_bytes, fact->exe_inode, fact->exe_dev, fact->exe_mode, fact->exe_nlink,
		    fact->exe_ctime_ns);
}

static void put_exit(struct writer *w, const struct fact_exit *end, bool brief)
{
	put(w, ",\"code\":%d,\"utime\":%" PRIu64 ",\"stime\":%" PRIu64 ",\"rss\":%" PRIu64, end->code, end->utime_ns,
	    end->stime_ns, end->max_rss_bytes);
	if (!brief)
		put(w, ",\"signal\":%u,\"core\":%s,\"read\":%" PRIu64 ",\"written\":%" PRIu64, end->signal,
		    end->core ? "true" : "false", end->read_bytes, end->written_bytes);
}

size_t json_line(uint32_t host, const struct fact *fact, bool brief, char out[JSON_LINE_MAX])
{
	static const char *const types[] = {"", "fork", "exec", "exit", "snapshot"};
	struct writer w = {.out = out};

	put(&w,
	    "{\"type\":\"%s\",\"host\":\"host-%u\",\"time\":%" PRIu64 ",\"pid\":%u,\"start\":%" PRIu64
	    ",\"ppid\":%u,\"uid\":%u,\"pgid\":%u,\"sid\":%u",
	    types[fact->type], host, fact->time_ns, fact->self.tgid, fact->self.start_ns, fact->parent.tgid,
	    fact->context->uid, fact->pgid, fact->sid);
	put_string(&w, "cgroup", fact->context->cgroup);
	put_string(&w, "comm", fact->comm);
	if (!brief) {
		put(&w,
		    ",\"parent_start\":%" PRIu64 ",\"creator\":%u,\"creator_start\":%" PRIu64
		    ",\"tid\":%u,\"ns_pid\":%u,\"tty\":%u,\"exec_seq\":%u",
		    fact->parent.start_ns, fact->creator.tgid, fact->creator.start_ns, fact->tid, fact->ns_tgid,
		    fact->tty, fact->exec_seq);
		put_context(&w, fact->context);
	}
	if (fact->type == FACT_EXEC)
		put_image(&w, fact, brief);
	else if (fact->type == FACT_EXIT)
		put_exit(&w, &fact->exit, brief);
	put(&w, "}\n");
	return w.len;
}
