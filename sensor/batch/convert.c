// SPDX-License-Identifier: Apache-2.0
/* Field by field, without copying a string. The records are our own; their sizes are checked all the same, because a string
 * taken from beyond a record would be another process's. */
#include "sensor/batch/convert.h"

#include <errno.h>

#define SAME(name) _Static_assert((int)EVENT_##name == (int)FACT_##name, "records and facts share this number")
SAME(FORK);
SAME(EXEC);
SAME(EXIT);
SAME(SNAPSHOT);
SAME(SETUID);
SAME(SETGID);
SAME(FILECAP);
SAME(MEMFD);
SAME(DELETED);
SAME(UPPER);
SAME(ARGV_TRUNCATED);
SAME(EXE_TRUNCATED);
SAME(CWD_TRUNCATED);
SAME(CGROUP_TRUNCATED);
SAME(ZOMBIE);
SAME(EXE_KNOWN);
SAME(ARGV_KNOWN);
SAME(CWD_KNOWN);

static int check(const struct event *event)
{
	static const uint32_t most[EVENT_STRINGS] = {
		[EVENT_CGROUP] = EVENT_CGROUP_MAX,
		[EVENT_NODENAME] = EVENT_NODENAME_MAX,
		[EVENT_EXE] = EVENT_PATH_MAX,
		[EVENT_CWD] = EVENT_PATH_MAX,
		[EVENT_SCRIPT] = EVENT_SCRIPT_MAX,
		[EVENT_INTERPRETER] = EVENT_INTERPRETER_MAX,
		[EVENT_ARGV] = EVENT_ARGV_MAX,
		[EVENT_ENVIRON] = EVENT_ENVIRON_MAX,
	};
	uint64_t size = sizeof(*event);

	if (event->type < EVENT_FORK || event->type >= EVENT_TYPES)
		return -EBADMSG;
	for (int i = 0; i < EVENT_STRINGS; i++) {
		if (event->string_bytes[i] > most[i])
			return -EBADMSG;
		size += event->string_bytes[i];
	}
	return size == event->size ? 0 : -EBADMSG;
}

static void convert_context(const struct event *event, struct fact_context *context)
{
	*context = (struct fact_context){
		.uid = event->uid,
		.gid = event->gid,
		.euid = event->euid,
		.egid = event->egid,
		.suid = event->suid,
		.sgid = event->sgid,
		.fsuid = event->fsuid,
		.fsgid = event->fsgid,
		.loginuid = event->loginuid,
		.session = event->session,
		.cap_effective = event->cap_effective,
		.cap_permitted = event->cap_permitted,
		.cap_inheritable = event->cap_inheritable,
		.ns_mnt = event->ns_mnt,
		.ns_pid = event->ns_pid,
		.ns_net = event->ns_net,
		.ns_user = event->ns_user,
		.ns_uts = event->ns_uts,
		.ns_ipc = event->ns_ipc,
		.ns_cgroup = event->ns_cgroup,
		.ns_time = event->ns_time,
		.cgroup_id = event->cgroup_id,
	};
}

static void convert_strings(const struct event *event, struct fact_context *context, struct fact *fact)
{
	struct bytes *const to[EVENT_STRINGS] = {
		[EVENT_CGROUP] = &context->cgroup,
		[EVENT_NODENAME] = &context->nodename,
		[EVENT_EXE] = &fact->exe,
		[EVENT_CWD] = &fact->cwd,
		[EVENT_SCRIPT] = &fact->script,
		[EVENT_INTERPRETER] = &fact->interpreter,
		[EVENT_ARGV] = &fact->argv,
	};
	const char *at = (const char *)(event + 1);

	for (int i = 0; i < EVENT_STRINGS; i++) {
		if (to[i])
			*to[i] = bytes_make(at, event->string_bytes[i]);
		at += event->string_bytes[i];
	}
}

static void convert_image(const struct event *event, struct fact *fact)
{
	fact->argv_bytes = event->argv_bytes;
	fact->exe_inode = event->exe_inode;
	fact->exe_ctime_ns = event->exe_ctime_ns;
	fact->exe_dev = event->exe_dev;
	fact->exe_mode = event->exe_mode;
	fact->exe_nlink = event->exe_nlink;
}

struct bytes event_environ(const struct event *event)
{
	uint32_t len = event->string_bytes[EVENT_ENVIRON];

	return bytes_make((const char *)event + event->size - len, len);
}

/* The tick that samples user and system time misses short lives; the scheduler's own sum does not. Like the kernel's
 * cputime_adjust(), the samples give the ratio and the sum gives the amount. */
static void convert_times(const struct event *event, struct fact_exit *ret)
{
	uint64_t ticks = event->utime_ns + event->stime_ns;

	if (event->runtime_ns == 0) {
		ret->utime_ns = event->utime_ns;
		ret->stime_ns = event->stime_ns;
		return;
	}
	/* 128 bits: the product of two times of a busy day exceeds 64. */
	ret->stime_ns = ticks ? (uint64_t)((unsigned __int128)event->runtime_ns * event->stime_ns / ticks) : 0;
	ret->utime_ns = event->runtime_ns - ret->stime_ns;
}

static void convert_exit(const struct event *event, struct fact_exit *ret)
{
	ret->signal = event->exit_status & 0x7f;
	ret->core = event->exit_status & 0x80;
	ret->code = ret->signal ? -1 : (int32_t)(event->exit_status >> 8 & 0xff);
	ret->max_rss_bytes = event->max_rss_bytes;
	ret->read_bytes = event->read_bytes;
	ret->written_bytes = event->written_bytes;
	ret->reaper = (struct process_key){.start_ns = event->reaper_start_ns, .tgid = event->reaper_tgid};
	convert_times(event, ret);
}

int convert_event(const struct event *event, struct fact_context *context, struct fact *ret)
{
	int r = check(event);

	if (r < 0)
		return r;
	convert_context(event, context);
	*ret = (struct fact){
		.type = event->type,
		.flags = event->flags,
		.time_ns = event->time_ns,
		.self = {.start_ns = event->start_ns, .tgid = event->tgid},
		.parent = {.start_ns = event->parent_start_ns, .tgid = event->parent_tgid},
		.creator = {.start_ns = event->creator_start_ns, .tgid = event->creator_tgid},
		.tid = event->tid,
		.ns_tgid = event->ns_tgid,
		.pgid = event->pgid,
		.sid = event->sid,
		.tty = event->tty,
		.exec_seq = event->exec_seq,
		.comm = bytes_make(event->comm, strnlen(event->comm, EVENT_COMM_BYTES - 1)),
		.context = context,
	};
	convert_strings(event, context, ret);
	convert_image(event, ret);
	if (event->type == EVENT_EXIT)
		convert_exit(event, &ret->exit);
	return 0;
}
