/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/batch/facts.h"

#include <stdlib.h>
#include <string.h>

uint64_t random_next(struct random *random)
{
	uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	return random_next(random) % bound;
}

/* Small, of any magnitude, or at an edge. */
static uint64_t number(struct random *random)
{
	static const uint64_t edges[] = {0, 1, 127, 128, 16383, 16384, INT32_MAX, UINT32_MAX, UINT32_MAX + UINT64_C(1),
					 INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};

	switch (random_below(random, 3)) {
	case 0:
		return random_below(random, 4);
	case 1:
		return random_next(random) >> random_below(random, 64);
	default:
		return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
	}
}

static struct bytes string(struct random *random, struct arena *arena)
{
	static const char *const common[] = {"", "sh", "/usr/bin/make", "\xff", "\xff\xfe", "a\nb", "-"};
	static const uint32_t lengths[] = {1, 7, 8, 9, 15, 16, 17, 31, 127, 128, 4095, 5000};
	struct bytes made;
	char *at;

	if (random_below(random, 2))
		return bytes_from_string(common[random_below(random, sizeof(common) / sizeof(common[0]))]);
	made.len = lengths[random_below(random, random_below(random, 20) ? 8 : 12)];
	made.data = at = arena_alloc(arena, made.len);
	if (!at)
		abort();
	for (uint32_t i = 0; i < made.len; i++)
		at[i] = (char)(1 + random_below(random, 255));
	return made;
}

/* A list of NUL-ended strings, at times without its last NUL. */
static struct bytes list(struct random *random, struct arena *arena)
{
	uint64_t count = random_below(random, random_below(random, 10) ? 5 : 60);
	uint32_t len = 0;
	char *at = arena_alloc(arena, count * 5001 + 1);

	if (!at)
		abort();
	for (uint64_t i = 0; i < count; i++) {
		struct bytes one = string(random, arena);

		if (one.len)
			memcpy(at + len, one.data, one.len);
		len += one.len;
		at[len++] = '\0';
	}
	if (len >= 2 && at[len - 2] != '\0' && random_below(random, 4) == 0)
		len--;
	return bytes_make(at, len);
}

static struct process_key key(struct random *random)
{
	struct process_key key = {.tgid = 1 + (uint32_t)random_below(random, 20)};

	if (random_below(random, 8) == 0)
		key.tgid = (uint32_t)number(random);
	if (random_below(random, 8) == 0)
		key.start_ns = number(random);
	else if (random_below(random, 8))
		key.start_ns = key.tgid * UINT64_C(1000000007);
	if (key.tgid == 0)
		key.start_ns = 0;
	return key;
}

static const struct fact_context *context(struct random *random, struct arena *arena)
{
	struct fact_context *made = arena_zalloc(arena, 1, sizeof(*made));
	uint32_t *ids[] = {&made->uid, &made->gid, &made->euid, &made->egid, &made->suid, &made->sgid, &made->fsuid,
			   &made->fsgid, &made->loginuid, &made->session, &made->ns_mnt, &made->ns_pid, &made->ns_net,
			   &made->ns_user, &made->ns_uts, &made->ns_ipc, &made->ns_cgroup, &made->ns_time};

	if (!made)
		abort();
	if (random_below(random, 3) == 0) /* a common one: all zeros, which is root in unknown namespaces */
		return made;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		*ids[i] = (uint32_t)number(random);
	if (random_below(random, 4) == 0) /* nothing is known */
		for (size_t i = 0; i < 10; i++)
			*ids[i] = FACT_ID_UNKNOWN;
	made->cap_effective = number(random);
	made->cap_permitted = number(random);
	made->cap_inheritable = number(random);
	made->cgroup_id = number(random);
	made->cgroup = string(random, arena);
	made->user = string(random, arena);
	made->nodename = string(random, arena);
	return made;
}

static void ended(struct random *random, struct fact_exit *ret)
{
	ret->code = -1;
	if (random_below(random, 3)) {
		ret->code = (int32_t)random_below(random, 256);
	} else if (random_below(random, 4)) {
		ret->signal = 1 + (uint32_t)random_below(random, 127);
		ret->core = random_below(random, 2);
	}
	ret->utime_ns = number(random);
	ret->stime_ns = number(random);
	ret->max_rss_bytes = number(random);
	ret->read_bytes = number(random);
	ret->written_bytes = number(random);
	if (random_below(random, 2))
		ret->reaper = key(random);
}

static void image(struct random *random, struct arena *arena, struct fact *ret)
{
	ret->exe = string(random, arena);
	ret->script = string(random, arena);
	ret->interpreter = string(random, arena);
	ret->cwd = string(random, arena);
	ret->argv = list(random, arena);
	ret->argv_bytes = random_below(random, 3) ? ret->argv.len : number(random);
	if (random_below(random, 4) == 0)
		ret->environ_ = list(random, arena);
	if (random_below(random, 4) == 0)
		return;
	ret->exe_inode = number(random);
	ret->exe_ctime_ns = number(random);
	ret->exe_dev = (uint32_t)number(random);
	ret->exe_mode = (uint32_t)number(random);
	ret->exe_nlink = (uint32_t)number(random);
}

void facts_random(struct random *random, struct arena *arena, struct fact *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum fact_type)(FACT_FORK + random_below(random, 4));
	ret->flags = (uint32_t)number(random);
	ret->time_ns = number(random);
	do
		ret->self = key(random);
	while (ret->self.tgid == 0);
	if (random_below(random, 8))
		ret->parent = key(random);
	if (random_below(random, 2))
		ret->creator = ret->parent;
	else if (random_below(random, 2))
		ret->creator = key(random);
	ret->tid = random_below(random, 2) ? ret->self.tgid : (uint32_t)number(random);
	ret->ns_tgid = random_below(random, 2) ? ret->self.tgid : (uint32_t)number(random);
	ret->pgid = (uint32_t)number(random);
	ret->sid = (uint32_t)number(random);
	ret->tty = (uint32_t)number(random);
	ret->exec_seq = (uint32_t)number(random);
	ret->comm = string(random, arena);
	ret->context = context(random, arena);
	if (ret->type == FACT_EXEC || ret->type == FACT_SNAPSHOT)
		image(random, arena, ret);
	else if (ret->type == FACT_EXIT)
		ended(random, &ret->exit);
}

struct fact facts_plain(enum fact_type type, uint64_t time_ns)
{
	static const struct fact_context user = {
		.uid = 1000,
		.gid = 1000,
		.euid = 1000,
		.egid = 1000,
		.suid = 1000,
		.sgid = 1000,
		.fsuid = 1000,
		.fsgid = 1000,
		.loginuid = 1000,
		.session = 3,
		.ns_mnt = 4026531841u,
		.ns_pid = 4026531836u,
		.cgroup_id = 4242,
		.cgroup = {"/user.slice", 11},
		.user = {"alice", 5},
		.nodename = {"box", 3},
	};
	struct fact fact = {
		.type = type,
		.time_ns = time_ns,
		.self = {.start_ns = 5000000000u, .tgid = 100},
		.parent = {.start_ns = 1000000000u, .tgid = 1},
		.creator = {.start_ns = 1000000000u, .tgid = 1},
		.tid = 100,
		.ns_tgid = 100,
		.pgid = 100,
		.sid = 100,
		.tty = 34816,
		.comm = {"bash", 4},
		.context = &user,
	};

	if (type == FACT_EXEC || type == FACT_SNAPSHOT) {
		fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
		fact.exec_seq = 1;
		fact.exe = BYTES_LITERAL("/usr/bin/ls");
		fact.cwd = BYTES_LITERAL("/home/alice");
		fact.argv = bytes_make("ls\0-l", 6);
		fact.argv_bytes = 6;
		fact.exe_inode = 77;
		fact.exe_dev = 8u << 20 | 1;
		fact.exe_mode = 0100755;
		fact.exe_nlink = 1;
		fact.exe_ctime_ns = 1700000000000000000u;
	}
	if (type == FACT_EXIT)
		fact.exit = (struct fact_exit){.code = 3, .utime_ns = 2000, .stime_ns = 1000, .max_rss_bytes = 4096,
					       .read_bytes = UINT64_MAX, .written_bytes = 0};
	return fact;
}

#define NUMBER(field) \
	do { \
		if (a->field != b->field) \
			return #field; \
	} while (0)
#define BYTES(field) \
	do { \
		if (!bytes_equal(a->field, b->field)) \
			return #field; \
	} while (0)

static const char *context_difference(const struct fact_context *a, const struct fact_context *b)
{
	NUMBER(uid);
	NUMBER(gid);
	NUMBER(euid);
	NUMBER(egid);
	NUMBER(suid);
	NUMBER(sgid);
	NUMBER(fsuid);
	NUMBER(fsgid);
	NUMBER(loginuid);
	NUMBER(session);
	NUMBER(cap_effective);
	NUMBER(cap_permitted);
	NUMBER(cap_inheritable);
	NUMBER(ns_mnt);
	NUMBER(ns_pid);
	NUMBER(ns_net);
	NUMBER(ns_user);
	NUMBER(ns_uts);
	NUMBER(ns_ipc);
	NUMBER(ns_cgroup);
	NUMBER(ns_time);
	NUMBER(cgroup_id);
	BYTES(cgroup);
	BYTES(user);
	BYTES(nodename);
	return NULL;
}

static const char *image_difference(const struct fact *a, const struct fact *b)
{
	BYTES(exe);
	BYTES(script);
	BYTES(interpreter);
	BYTES(cwd);
	BYTES(argv);
	NUMBER(argv_bytes);
	BYTES(environ_);
	NUMBER(exe_inode);
	NUMBER(exe_ctime_ns);
	NUMBER(exe_dev);
	NUMBER(exe_mode);
	NUMBER(exe_nlink);
	return NULL;
}

static const char *exit_difference(const struct fact_exit *a, const struct fact_exit *b)
{
	NUMBER(code);
	NUMBER(signal);
	NUMBER(core);
	NUMBER(utime_ns);
	NUMBER(stime_ns);
	NUMBER(max_rss_bytes);
	NUMBER(read_bytes);
	NUMBER(written_bytes);
	NUMBER(reaper.tgid);
	NUMBER(reaper.start_ns);
	return NULL;
}

const char *facts_difference(const struct fact *a, const struct fact *b)
{
	const char *difference;

	NUMBER(type);
	NUMBER(flags);
	NUMBER(time_ns);
	NUMBER(self.tgid);
	NUMBER(self.start_ns);
	NUMBER(parent.tgid);
	NUMBER(parent.start_ns);
	NUMBER(creator.tgid);
	NUMBER(creator.start_ns);
	NUMBER(tid);
	NUMBER(ns_tgid);
	NUMBER(pgid);
	NUMBER(sid);
	NUMBER(tty);
	NUMBER(exec_seq);
	BYTES(comm);
	difference = context_difference(a->context, b->context);
	if (!difference)
		difference = image_difference(a, b);
	return difference ? difference : exit_difference(&a->exit, &b->exit);
}
