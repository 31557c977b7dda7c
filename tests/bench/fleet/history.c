/* SPDX-License-Identifier: Apache-2.0 */
/* A heap of processes by the time of their next fact. New ones are born by the trade of the host: a build server in bursts of hundreds a
 * second with pauses, a web server evenly, any host by cron at each full minute. Numbers are drawn by splitmix64; what is skewed follows
 * Zipf's law by the inverse of its distribution. */
#include "history.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROGRAMS 400u
#define EXE_MAX 48
#define SECOND 1000000000ull
#define RESIDENT_TGID 300u

enum trade { TRADE_BUILD, TRADE_WEB, TRADE_QUIET, TRADES };

static const char *const well_known[] = {
    "/usr/bin/dash", "/usr/bin/x86_64-linux-gnu-gcc-12", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "/usr/bin/x86_64-linux-gnu-as",
    "/usr/bin/cat", "/usr/bin/sed", "/usr/bin/grep", "/usr/bin/bash", "/usr/bin/git", "/usr/bin/x86_64-linux-gnu-ld.bfd",
    "/usr/bin/make", "/usr/bin/rm", "/usr/bin/mv", "/usr/bin/python3.11", "/usr/bin/php-cgi8.2", "/usr/bin/curl",
    "/usr/sbin/run-parts", "/usr/sbin/logrotate", "/usr/bin/find", "/usr/bin/perl"};
#define WELL_KNOWN (sizeof(well_known) / sizeof(*well_known))

static char exes[PROGRAMS][EXE_MAX];

__attribute__((constructor)) static void name_programs(void)
{
	for (unsigned i = 0; i < PROGRAMS; i++)
		if (i < WELL_KNOWN)
			(void)snprintf(exes[i], EXE_MAX, "%s", well_known[i]);
		else
			(void)snprintf(exes[i], EXE_MAX, "/usr/bin/tool-%u", i);
}

static uint64_t draw(struct history *h)
{
	uint64_t z = h->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static double draw_unit(struct history *h)
{
	return (double)(draw(h) >> 11) / 9007199254740992.0;
}

/* Rank below n, about proportional to 1 / (rank + 1). */
static uint32_t draw_zipf(struct history *h, uint32_t n)
{
	uint32_t rank = (uint32_t)(pow((double)n + 1, draw_unit(h)) - 1);

	return rank < n ? rank : n - 1;
}

/* Four of five live for milliseconds, most others for seconds, a few for hours. */
static uint64_t draw_life(struct history *h)
{
	double u = draw_unit(h), kind = draw_unit(h);

	if (kind < 0.8)
		return (uint64_t)(1e6 - log(1 - u) * 15e6);
	return kind < 0.98 ? (uint64_t)(1e8 - log(1 - u) * 2e9) : (uint64_t)(60e9 + u * 7200e9);
}

/* ---- the heap ------------------------------------------------------------------------------------------------ */

static void sift_down(struct history *h, uint32_t at)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		struct history_process swap;

		if (child + 1 < h->count && h->heap[child + 1].next_ns < h->heap[child].next_ns)
			child++;
		if (child >= h->count || h->heap[child].next_ns >= h->heap[at].next_ns)
			return;
		swap = h->heap[at];
		h->heap[at] = h->heap[child];
		h->heap[child] = swap;
		at = child;
	}
}

static void push(struct history *h, const struct history_process *process)
{
	uint32_t at = h->count++;

	for (; at > 0 && h->heap[(at - 1) / 2].next_ns > process->next_ns; at = (at - 1) / 2)
		h->heap[at] = h->heap[(at - 1) / 2];
	h->heap[at] = *process;
}

/* ---- births -------------------------------------------------------------------------------------------------- */

static struct process_key resident_key(uint32_t n)
{
	return (struct process_key){.tgid = RESIDENT_TGID + n, .start_ns = SECOND + n};
}

static struct process_key draw_parent(struct history *h)
{
	const struct history_process *p = h->count ? &h->heap[draw_zipf(h, h->count)] : NULL;

	if (p && p->step > 0 && p->exit_ns > h->now_ns + SECOND / 100)
		return (struct process_key){.tgid = p->tgid, .start_ns = p->start_ns};
	return resident_key(draw_zipf(h, 40));
}

static uint64_t draw_pause(struct history *h)
{
	static const double rates[TRADES] = {[TRADE_BUILD] = 900, [TRADE_WEB] = 60, [TRADE_QUIET] = 2};

	if (h->trade == TRADE_BUILD && h->now_ns > h->burst_ends_ns) { /* think, then build again */
		h->now_ns += (uint64_t)(draw_unit(h) * 20e9);
		h->burst_ends_ns = h->now_ns + (uint64_t)(draw_unit(h) * 30e9);
	}
	return (uint64_t)(-log(1 - draw_unit(h)) * 1e9 / rates[h->trade]);
}

static void give_birth(struct history *h)
{
	struct history_process child = {.tgid = h->next_tgid, .program = draw_zipf(h, PROGRAMS), .parent = draw_parent(h)};

	h->next_tgid = h->next_tgid >= 4000000 ? 1000 : h->next_tgid + 1;
	h->now_ns += draw_pause(h);
	child.start_ns = child.next_ns = h->now_ns;
	child.exit_ns = child.start_ns + draw_life(h);
	child.kind = (uint8_t)(draw(h) % 4);
	push(h, &child);
}

/* ---- facts --------------------------------------------------------------------------------------------------- */

static void init_contexts(struct history *h, uint32_t host)
{
	static const char *const groups[3] = {"/system.slice/cron.service", "/user.slice/user-1000.slice/session-3.scope",
					      "/system.slice/nginx.service"};

	for (unsigned i = 0; i < 4; i++) {
		uint32_t id = i == 1 ? 1000 : i == 2 ? 33 : 0;

		if (i < 3)
			(void)snprintf(h->cgroup[i], sizeof(h->cgroup[i]), "%s", groups[i]);
		else
			(void)snprintf(h->cgroup[i], sizeof(h->cgroup[i]), "/system.slice/docker-%08x.scope", host);
		h->contexts[i] = (struct fact_context){.uid = id, .gid = id, .euid = id, .egid = id, .suid = id, .sgid = id, .fsuid = id,
						       .fsgid = id, .loginuid = i == 1 ? 1000 : FACT_ID_UNKNOWN,
						       .session = i == 1 ? 3 : FACT_ID_UNKNOWN, .ns_mnt = 4026531841u + i,
						       .ns_pid = 4026531836u, .ns_net = 4026531840u, .ns_user = 4026531837u,
						       .ns_uts = 4026531838u, .ns_ipc = 4026531839u, .ns_cgroup = 4026531835u,
						       .cgroup_id = 4242 + i, .cgroup = bytes_from_string(h->cgroup[i]),
						       .user = bytes_from_string(i == 1 ? "builder" : i == 2 ? "www-data" : "root"),
						       .nodename = BYTES_LITERAL("fleet")};
	}
}

static void set_image(struct history *h, struct fact *fact, uint32_t program)
{
	const char *exe = exes[program];
	int len = snprintf(h->argv, sizeof(h->argv), "%s%c-O2%c-g%c-Iinclude%c-c%csrc/module-%u/unit-%x.c%c-o%cbuild/unit.o%c",
			   strrchr(exe, '/') + 1, 0, 0, 0, 0, 0, draw_zipf(h, 100), (unsigned)(draw(h) & 0xffff), 0, 0, 0);

	(void)snprintf(h->cwd, sizeof(h->cwd), "/srv/project-%u", draw_zipf(h, 20));
	fact->flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	fact->exe = bytes_from_string(exe);
	fact->argv = bytes_make(h->argv, (size_t)len);
	fact->argv_bytes = (uint64_t)len;
	fact->cwd = bytes_from_string(h->cwd);
	fact->exe_inode = 100000 + program;
	fact->exe_dev = 8 << 20 | 1;
	fact->exe_mode = 0100755;
	fact->exe_nlink = 1;
	fact->exe_ctime_ns = 1600000000000000000ull;
}

static void tell(struct history *h, const struct history_process *p, struct fact *ret)
{
	const char *name = strrchr(exes[p->program], '/') + 1;

	*ret = (struct fact){.type = (enum fact_type)(FACT_FORK + p->step), .time_ns = p->next_ns, .self = {.tgid = p->tgid, .start_ns = p->start_ns},
			     .parent = p->parent, .creator = p->parent, .tid = p->tgid, .ns_tgid = p->tgid, .pgid = p->parent.tgid,
			     .sid = p->parent.tgid, .exec_seq = p->step > 0, .context = &h->contexts[p->kind],
			     .comm = p->step ? bytes_make(name, strnlen(name, 15)) : BYTES_LITERAL("sh")};
	if (p->step == 1)
		set_image(h, ret, p->program);
	else if (p->step == 2)
		ret->exit = (struct fact_exit){.code = draw(h) % 20 == 0, .utime_ns = draw(h) % 3000000, .stime_ns = draw(h) % 3000000,
					       .max_rss_bytes = 4096 * (300 + draw(h) % 3000), .read_bytes = UINT64_MAX,
					       .written_bytes = UINT64_MAX};
}

void history_init(struct history *history, uint64_t seed, uint32_t host)
{
	memset(history, 0, sizeof(*history));
	history->random = seed ^ ((uint64_t)host << 32 | 0x5bd1e995u);
	history->now_ns = 10 * SECOND;
	history->next_tgid = 1000000;
	history->trade = (uint8_t)(draw(history) % TRADES);
	init_contexts(history, host);
}

/* Births are drawn until the oldest fact that waits is older than the next one can be. */
void history_next(struct history *history, struct fact *ret)
{
	struct history_process *first = history->heap;

	while (history->count < HISTORY_RUNNING_MAX && (history->count == 0 || history->heap[0].next_ns >= history->now_ns))
		give_birth(history);
	tell(history, first, ret);
	if (++first->step == 1)
		first->next_ns += 200000 + draw(history) % 400000;
	else if (first->step == 2)
		first->next_ns = first->exit_ns > first->next_ns ? first->exit_ns : first->next_ns + 1000;
	else
		*first = history->heap[--history->count];
	sift_down(history, 0);
}

void history_resident(struct history *history, uint32_t n, unsigned which, struct fact *ret)
{
	struct process_key self = resident_key(n);
	struct history_process p = {.start_ns = self.start_ns, .next_ns = self.start_ns + which, .tgid = self.tgid,
				    .kind = (uint8_t)(n % 4), .program = draw_zipf(history, PROGRAMS), .step = (uint8_t)which,
				    .parent = n ? resident_key((n - 1) / 8) : (struct process_key){.tgid = 1, .start_ns = 1}};

	tell(history, &p, ret);
}
