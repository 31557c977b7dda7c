/* SPDX-License-Identifier: Apache-2.0 */
/* A heap of processes by the time of their next fact, and four sources that give birth to whole families of them, each
 * when it is due:
 *
 *   work      a build server has builds of up to half a minute with pauses between them: make, and for each unit a
 * shell, gcc, cc1, as; a web server has 60 requests a second: cgi, workers that only fork, a shell with a tool; any
 * other host probes a container cron      at each full minute some jobs: cron's own child, its shell, a program people
 * one session after the other: sshd, bash, a command every few seconds services  a timer every ten seconds or so, and
 * now and then a daemon that stays for hours
 *
 * Numbers are drawn by splitmix64; what is skewed follows Zipf's law by the inverse of its distribution. */
#include "history.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PROGRAMS 400u
#define EXE_MAX 48
#define US 1000ull
#define MS 1000000ull
#define SECOND 1000000000ull
#define MINUTE (60 * SECOND)
#define RESIDENT_TGID 300u
#define FAMILY_MAX 64u /* processes that one turn of a source bears at most */

enum trade { TRADE_BUILD, TRADE_WEB, TRADE_QUIET, TRADES };

enum image {
	IMAGE_NONE,
	IMAGE_SHELL,
	IMAGE_MAKE,
	IMAGE_GCC,
	IMAGE_CC1,
	IMAGE_AS,
	IMAGE_LD,
	IMAGE_CGI,
	IMAGE_SSHD,
	IMAGE_BASH,
	IMAGE_TOOL,
	IMAGE_DAEMON
};

static const char *const images[] = {[IMAGE_SHELL] = "/usr/bin/dash",
				     [IMAGE_MAKE] = "/usr/bin/make",
				     [IMAGE_GCC] = "/usr/bin/x86_64-linux-gnu-gcc-12",
				     [IMAGE_CC1] = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
				     [IMAGE_AS] = "/usr/bin/x86_64-linux-gnu-as",
				     [IMAGE_LD] = "/usr/bin/x86_64-linux-gnu-ld.bfd",
				     [IMAGE_CGI] = "/usr/bin/php-cgi8.2",
				     [IMAGE_SSHD] = "/usr/sbin/sshd",
				     [IMAGE_BASH] = "/usr/bin/bash"};

/* The most frequent of the tools; the others have names of their own as well, since real hosts run hundreds of
 * programs. */
static const char *const well_known[] = {"cat",  "sed",        "grep",      "rm",        "git",       "mv",   "ls",
					 "awk",  "python3.11", "curl",      "find",      "perl",      "date", "mkdir",
					 "head", "sort",       "run-parts", "logrotate", "systemctl", "ps"};
#define WELL_KNOWN (sizeof(well_known) / sizeof(*well_known))

static char tools[PROGRAMS][EXE_MAX];

__attribute__((constructor)) static void name_programs(void)
{
	for (unsigned i = 0; i < PROGRAMS; i++)
		if (i < WELL_KNOWN)
			(void)snprintf(tools[i], EXE_MAX, "/usr/bin/%s", well_known[i]);
		else
			(void)snprintf(tools[i], EXE_MAX, "/usr/%s/tool-%u", i % 3 ? "bin" : "libexec/suite", i);
}

/* ---- chance -------------------------------------------------------------------------------------------------- */

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

static uint64_t draw_around(struct history *h, uint64_t mean_ns)
{
	return (uint64_t)(-log(1 - draw_unit(h)) * (double)mean_ns);
}

/* Of a command: four of five live for milliseconds, most others for seconds, a few for minutes. */
static uint64_t draw_life(struct history *h)
{
	double kind = draw_unit(h);

	return MS + draw_around(h, kind < 0.8 ? 15 * MS : kind < 0.98 ? 2 * SECOND : 3 * MINUTE);
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

/* One process from start to end; it leads a group of its own when its parent is a resident. */
static struct process_key bear(struct history *h, struct process_key parent, enum image image, uint64_t start_ns,
			       uint64_t life_ns, enum history_context context)
{
	struct history_process child = {.start_ns = start_ns,
					.next_ns = start_ns,
					.exit_ns = start_ns + life_ns,
					.parent = parent,
					.tgid = h->next_tgid,
					.image = (uint8_t)image,
					.context = (uint8_t)context,
					.salt = h->units};

	h->next_tgid = h->next_tgid >= 4000000 ? 1000000 : h->next_tgid + 1;
	child.group = parent.tgid < 1000000 ? child.tgid : parent.tgid;
	if (image == IMAGE_TOOL || image == IMAGE_DAEMON) {
		child.program = (uint16_t)draw_zipf(h, PROGRAMS);
		child.salt = draw_zipf(h, 5000);
	}
	push(h, &child);
	return (struct process_key){.tgid = child.tgid, .start_ns = start_ns};
}

/* A shell and what it runs. */
static void bear_command(struct history *h, struct process_key parent, uint64_t at_ns, uint64_t life_ns,
			 enum history_context context)
{
	struct process_key shell = bear(h, parent, IMAGE_SHELL, at_ns, life_ns + 3 * MS, context);

	(void)bear(h, shell, IMAGE_TOOL, at_ns + 1500 * US, life_ns, context);
}

static void begin_build(struct history *h, uint64_t at_ns)
{
	uint64_t takes_ns = SECOND + (uint64_t)(draw_unit(h) * 30e9);

	h->build_ends_ns = at_ns + takes_ns;
	h->project = draw_zipf(h, 20);
	h->make = bear(h, resident_key(7), IMAGE_MAKE, at_ns, takes_ns + 5 * SECOND, HISTORY_OF_CONTAINER);
}

static void bear_unit(struct history *h, uint64_t at_ns)
{
	uint64_t compile_ns = 20 * MS + draw_around(h, 120 * MS), assemble_ns = 2 * MS + draw_around(h, 8 * MS);
	bool links = ++h->units % 40 == 0;
	uint64_t takes_ns = 4 * MS + (links ? compile_ns : compile_ns + assemble_ns);
	struct process_key shell = bear(h, h->make, IMAGE_SHELL, at_ns, takes_ns + 2 * MS, HISTORY_OF_CONTAINER);
	struct process_key gcc = bear(h, shell, IMAGE_GCC, at_ns + 800 * US, takes_ns, HISTORY_OF_CONTAINER);

	(void)bear(h, gcc, links ? IMAGE_LD : IMAGE_CC1, at_ns + 2 * MS, compile_ns, HISTORY_OF_CONTAINER);
	if (!links)
		(void)bear(h, gcc, IMAGE_AS, at_ns + 3 * MS + compile_ns, assemble_ns, HISTORY_OF_CONTAINER);
	if (draw(h) % 3 == 0)
		(void)bear(h, shell, IMAGE_TOOL, at_ns + 500 * US, MS, HISTORY_OF_CONTAINER);
}

/* Returns when it is due again, as all sources do. */
static uint64_t build(struct history *h, uint64_t at_ns)
{
	if (h->make.tgid == 0 || at_ns >= h->build_ends_ns)
		begin_build(h, at_ns);
	bear_unit(h, at_ns + 5 * MS);
	at_ns += draw_around(h, SECOND / 210);
	return at_ns < h->build_ends_ns ? at_ns : h->build_ends_ns + 6 * SECOND + (uint64_t)(draw_unit(h) * 15e9);
}

static uint64_t serve_web(struct history *h, uint64_t at_ns)
{
	double kind = draw_unit(h);
	struct process_key server = resident_key(8 + draw_zipf(h, 8));

	h->units++;
	if (kind < 0.7)
		(void)bear(h, server, IMAGE_CGI, at_ns, 2 * MS + draw_around(h, 25 * MS), HISTORY_OF_WEB);
	else if (kind < 0.9)
		(void)bear(h, server, IMAGE_NONE, at_ns, MS + draw_around(h, 4 * SECOND), HISTORY_OF_WEB);
	else
		bear_command(h, server, at_ns, draw_life(h), HISTORY_OF_WEB);
	return at_ns + draw_around(h, SECOND / 60);
}

static uint64_t probe(struct history *h, uint64_t at_ns)
{
	h->units++;
	bear_command(h, resident_key(6), at_ns, MS + draw_around(h, 20 * MS), HISTORY_OF_CONTAINER);
	return at_ns + 5 * SECOND;
}

static uint64_t work(struct history *h, uint64_t at_ns)
{
	return h->trade == TRADE_BUILD ? build(h, at_ns)
	       : h->trade == TRADE_WEB ? serve_web(h, at_ns)
				       : probe(h, at_ns);
}

/* One job on most minutes, more on every fifth; all at the first moment of it, as cron does. */
static uint64_t run_cron(struct history *h, uint64_t at_ns)
{
	uint32_t jobs = 1 + draw_zipf(h, at_ns / MINUTE % 5 == 0 ? 10 : 3);

	for (uint32_t i = 0; i < jobs; i++) {
		uint64_t life_ns = draw_life(h), start_ns = at_ns + i * 700 * US;
		struct process_key child =
		    bear(h, resident_key(2), IMAGE_NONE, start_ns, life_ns + 5 * MS, HISTORY_OF_CRON);

		h->units++;
		bear_command(h, child, start_ns + MS, life_ns, HISTORY_OF_CRON);
	}
	return (at_ns / MINUTE + 1) * MINUTE + draw(h) % (50 * MS);
}

static uint64_t work_in_shell(struct history *h, uint64_t at_ns)
{
	uint64_t lasts_ns = draw_life(h), left_ns;

	if (at_ns + SECOND < h->session_ends_ns) {
		left_ns = h->session_ends_ns - at_ns - SECOND / 2;
		(void)bear(h, h->shell, IMAGE_TOOL, at_ns, lasts_ns < left_ns ? lasts_ns : left_ns, HISTORY_OF_PERSON);
		return at_ns + draw_around(h, 4 * SECOND);
	}
	if (h->shell.tgid) { /* he has gone; somebody else comes later */
		h->shell.tgid = 0;
		return h->session_ends_ns + draw_around(h, h->trade == TRADE_QUIET ? 2 * MINUTE : 10 * MINUTE);
	}
	lasts_ns = 20 * SECOND + draw_around(h, 5 * MINUTE);
	h->session_ends_ns = at_ns + lasts_ns;
	h->shell = bear(h, resident_key(3), IMAGE_SSHD, at_ns, lasts_ns + 20 * MS, HISTORY_OF_SYSTEM);
	h->shell = bear(h, h->shell, IMAGE_BASH, at_ns + 300 * MS, lasts_ns - 300 * MS, HISTORY_OF_PERSON);
	return at_ns + SECOND;
}

static uint64_t run_services(struct history *h, uint64_t at_ns)
{
	bool stays = draw(h) % 30 == 0 && h->count < HISTORY_RUNNING_MAX / 2;

	if (stays)
		(void)bear(h, resident_key(0), IMAGE_DAEMON, at_ns, MINUTE + (uint64_t)(draw_unit(h) * 120) * MINUTE,
			   HISTORY_OF_SYSTEM);
	else
		(void)bear(h, resident_key(0), IMAGE_TOOL, at_ns, draw_life(h), HISTORY_OF_SYSTEM);
	return at_ns + draw_around(h, 10 * SECOND);
}

/* ---- facts --------------------------------------------------------------------------------------------------- */

static void init_contexts(struct history *h, uint32_t host)
{
	static const char *const groups[] = {"/system.slice/app.service", "/system.slice/cron.service",
					     "/user.slice/user-1000.slice/session-3.scope",
					     "/system.slice/nginx.service", NULL};
	static const uint32_t ids[] = {0, 0, 1000, 33, 998};
	static const char *const users[] = {"root", "root", "operator", "www-data", "builder"};

	for (unsigned i = 0; i < HISTORY_CONTEXTS; i++) {
		uint32_t id = ids[i], login = i == HISTORY_OF_PERSON ? 1000 : FACT_ID_UNKNOWN;
		unsigned own = i == HISTORY_OF_CONTAINER;

		if (groups[i])
			(void)snprintf(h->cgroup[i], sizeof(h->cgroup[i]), "%s", groups[i]);
		else
			(void)snprintf(h->cgroup[i], sizeof(h->cgroup[i]), "/system.slice/docker-%08x%08x.scope",
				       host * 2654435761u, host);
		h->contexts[i] = (struct fact_context){.uid = id,
						       .gid = id,
						       .euid = id,
						       .egid = id,
						       .suid = id,
						       .sgid = id,
						       .fsuid = id,
						       .fsgid = id,
						       .loginuid = login,
						       .session = login == FACT_ID_UNKNOWN ? login : 3,
						       .cap_effective = id ? 0 : 0x1ffffffffff,
						       .cap_permitted = id ? 0 : 0x1ffffffffff,
						       .ns_mnt = 4026531841u + i,
						       .ns_pid = 4026531836u + own * 700,
						       .ns_net = 4026531840u + own * 700,
						       .ns_user = 4026531837u,
						       .ns_uts = 4026531838u + own * 700,
						       .ns_ipc = 4026531839u + own * 700,
						       .ns_cgroup = 4026531835u + own * 700,
						       .ns_time = 4026531834u,
						       .cgroup_id = 4242 + i,
						       .cgroup = bytes_from_string(h->cgroup[i]),
						       .user = bytes_from_string(users[i]),
						       .nodename = BYTES_LITERAL("fleet")};
	}
}

static const char *exe_of(const struct history_process *p)
{
	return p->image == IMAGE_TOOL || p->image == IMAGE_DAEMON ? tools[p->program] : images[p->image];
}

/* What a build passes to each compiler. BLANK: a blank, or what stands for one within an argument. */
#define FLAGS(BLANK)                                                                                                   \
	"-pipe" BLANK "-DHAVE_CONFIG_H" BLANK "-D_GNU_SOURCE" BLANK "-Iinclude" BLANK "-Isrc/lib" BLANK "-O2" BLANK    \
	"-g" BLANK "-Wall" BLANK "-Wextra" BLANK "-Wshadow" BLANK "-Wstrict-prototypes" BLANK                          \
	"-fno-strict-aliasing" BLANK "-fno-common"

/* gcc for one unit; from a shell it is one argument. */
static int write_gcc(struct history *h, bool by_shell, unsigned module, unsigned unit)
{
	if (by_shell)
		return snprintf(
		    h->argv, sizeof(h->argv),
		    "/bin/sh -c gcc\t" FLAGS("\t") "\t-MD\t-MF\tbuild/module-%u/unit-%u.d\t-Isrc/module-%u\t-c\t"
						   "src/module-%u/unit-%u.c\t-o\tbuild/module-%u/unit-%u.o",
		    module, unit, module, module, unit, module, unit);
	return snprintf(
	    h->argv, sizeof(h->argv),
	    "gcc " FLAGS(" ") " -MD -MF build/module-%u/unit-%u.d -Isrc/module-%u -c src/module-%u/unit-%u.c -o "
			      "build/module-%u/unit-%u.o",
	    module, unit, module, module, unit, module, unit);
}

static int write_compiling(struct history *h, const struct history_process *p, const char *exe)
{
	unsigned unit = p->salt % 1500, module = unit / 25;

	if (p->image == IMAGE_CC1)
		return snprintf(h->argv, sizeof(h->argv),
				"%s -quiet -I include -I src/lib -I src/module-%u -imultiarch x86_64-linux-gnu -MD "
				"build/module-%u/unit-%u.d -MF build/module-%u/unit-%u.d -D HAVE_CONFIG_H -D "
				"_GNU_SOURCE src/module-%u/unit-%u.c -quiet "
				"-dumpdir build/module-%u/ -dumpbase unit-%u.c -dumpbase-ext .c -mtune=generic "
				"-march=x86-64 -g -O2 -Wall -Wextra "
				"-Wshadow -Wstrict-prototypes -fno-strict-aliasing -fno-common "
				"-fasynchronous-unwind-tables -o /tmp/cc%06x.s",
				exe, module, module, unit, module, unit, module, unit, module, unit,
				p->tgid * 2654435761u >> 8);
	if (p->image == IMAGE_AS)
		return snprintf(
		    h->argv, sizeof(h->argv),
		    "as -I include -I src/lib -I src/module-%u --gdwarf-5 --64 -o build/module-%u/unit-%u.o "
		    "/tmp/cc%06x.s",
		    module, module, unit, (p->tgid - 1) * 2654435761u >> 8);
	if (p->image == IMAGE_LD)
		return snprintf(h->argv, sizeof(h->argv),
				"%s -plugin liblto_plugin.so --build-id --eh-frame-hdr -m elf_x86_64 -pie -o "
				"build/program-%u build/module-%u/all.a -lc",
				exe, module, module);
	return write_gcc(h, p->image == IMAGE_SHELL, module, unit);
}

/* The arguments, blanks between them. */
static int write_words(struct history *h, const struct history_process *p, const char *exe)
{
	const char *name = strrchr(exe, '/') + 1;

	switch ((enum image)p->image) {
	case IMAGE_SHELL:
		if (h->trade != TRADE_BUILD || p->context != HISTORY_OF_CONTAINER)
			return snprintf(h->argv, sizeof(h->argv),
					"/bin/sh -c /usr/local/bin/job-%u\t--quiet\t>/dev/null\t2>&1", p->salt % 40);
		return write_compiling(h, p, exe);
	case IMAGE_GCC:
	case IMAGE_CC1:
	case IMAGE_AS:
	case IMAGE_LD:
		return write_compiling(h, p, exe);
	case IMAGE_MAKE:
		return snprintf(h->argv, sizeof(h->argv), "make -j32 -C /srv/project-%u all", h->project);
	case IMAGE_BASH:
		return snprintf(h->argv, sizeof(h->argv), "-bash");
	case IMAGE_SSHD:
		return snprintf(h->argv, sizeof(h->argv), "/usr/sbin/sshd -D -R");
	case IMAGE_CGI:
		return snprintf(h->argv, sizeof(h->argv),
				"php-cgi8.2 -c /etc/php/8.2/cgi/php.ini /srv/www/app/public/index.php");
	case IMAGE_DAEMON:
		return snprintf(h->argv, sizeof(h->argv), "%s --config /etc/%s/instance-%u.conf --worker %u", exe, name,
				p->salt % 50, p->salt);
	default:
		return snprintf(h->argv, sizeof(h->argv), "%s -v --input data/part-%u.txt %u", name, p->salt % 300,
				p->salt);
	}
}

static void set_image(struct history *h, const struct history_process *p, struct fact *fact)
{
	static const char *const folders[] = {"/", "/root", "/home/operator", "/srv/www/app"};
	const char *exe = exe_of(p);
	int len = write_words(h, p, exe);

	for (int i = 0; i <= len; i++) /* tabs stand for the blanks within an argument */
		h->argv[i] = h->argv[i] == ' ' ? '\0' : h->argv[i] == '\t' ? ' ' : h->argv[i];
	if (p->context == HISTORY_OF_CONTAINER)
		(void)snprintf(h->cwd, sizeof(h->cwd), "/srv/project-%u", h->project);
	else
		(void)snprintf(h->cwd, sizeof(h->cwd), "%s", folders[p->context]);
	fact->flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	fact->exe = bytes_from_string(exe);
	fact->argv = bytes_make(h->argv, (size_t)len + 1);
	fact->argv_bytes = (uint64_t)len + 1;
	fact->cwd = bytes_from_string(h->cwd);
	fact->exe_inode = 100000 + 1000 * p->image + p->program;
	fact->exe_dev = 8 << 20 | 1;
	fact->exe_mode = 0100755;
	fact->exe_nlink = 1;
	fact->exe_ctime_ns = 1600000000000000000ull + p->program * SECOND;
}

static struct bytes comm_of(const struct history_process *p)
{
	const char *name;

	if (p->step == 0 || p->image == IMAGE_NONE) /* that of the parent */
		return p->context == HISTORY_OF_WEB      ? BYTES_LITERAL("nginx")
		       : p->context == HISTORY_OF_CRON   ? BYTES_LITERAL("cron")
		       : p->context == HISTORY_OF_PERSON ? BYTES_LITERAL("bash")
							 : BYTES_LITERAL("sh");
	name = strrchr(exe_of(p), '/') + 1;
	return bytes_make(name, strnlen(name, 15));
}

static void tell(struct history *h, const struct history_process *p, struct fact *ret)
{
	*ret = (struct fact){.type = (enum fact_type)(FACT_FORK + p->step),
			     .time_ns = p->next_ns,
			     .self = {.tgid = p->tgid, .start_ns = p->start_ns},
			     .parent = p->parent,
			     .creator = p->parent,
			     .tid = p->tgid,
			     .ns_tgid = p->context == HISTORY_OF_CONTAINER ? p->tgid % 30000 : p->tgid,
			     .pgid = p->group,
			     .sid = p->group,
			     .tty = p->context == HISTORY_OF_PERSON ? 34816 : 0,
			     .exec_seq = p->step > 0 && p->image != IMAGE_NONE,
			     .context = &h->contexts[p->context],
			     .comm = comm_of(p)};
	if (p->step == 1)
		set_image(h, p, ret);
	else if (p->step == 2)
		ret->exit = (struct fact_exit){.code = draw(h) % 20 == 0,
					       .utime_ns = draw(h) % (1 + (p->exit_ns - p->start_ns) / 2),
					       .stime_ns = draw(h) % 3000000,
					       .max_rss_bytes = 4096 * (300 + draw(h) % 3000),
					       .read_bytes = draw(h) % 8 ? 0 : 4096 * (draw(h) % 100),
					       .written_bytes = 4096 * (draw(h) % 8)};
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

void history_init(struct history *history, uint64_t seed, uint32_t host)
{
	memset(history, 0, sizeof(*history));
	history->random = seed ^ ((uint64_t)host << 32 | 0x5bd1e995u);
	history->now_ns = 10 * SECOND;
	history->next_tgid = 1000000;
	history->trade = (uint8_t)((seed + host) % TRADES);
	for (unsigned i = 0; i < HISTORY_SOURCES; i++)
		history->due_ns[i] = history->now_ns + draw_around(history, SECOND);
	history->due_ns[HISTORY_CRON] = MINUTE;
	init_contexts(history, host);
}

static enum history_source earliest(const struct history *h)
{
	enum history_source best = 0;

	for (enum history_source i = 1; i < HISTORY_SOURCES; i++)
		if (h->due_ns[i] < h->due_ns[best])
			best = i;
	return best;
}

static void fire(struct history *h, enum history_source source)
{
	static uint64_t (*const sources[HISTORY_SOURCES])(struct history * h,
							  uint64_t at_ns) = {[HISTORY_WORK] = work,
									     [HISTORY_CRON] = run_cron,
									     [HISTORY_PEOPLE] = work_in_shell,
									     [HISTORY_SERVICES] = run_services};
	uint64_t at_ns =
	    h->due_ns[source] > h->now_ns ? h->due_ns[source] : h->now_ns; /* late where the heap was full */

	h->due_ns[source] = sources[source](h, at_ns) + 1;
}

/* Sources go on until the oldest fact that waits is older than anything that they can still bear. */
void history_next(struct history *history, struct fact *ret)
{
	struct history_process *first = history->heap;
	enum history_source source = earliest(history);

	while (history->count == 0 ||
	       (history->count < HISTORY_RUNNING_MAX - FAMILY_MAX && history->due_ns[source] <= first->next_ns)) {
		fire(history, source);
		source = earliest(history);
	}
	history->now_ns = first->next_ns;
	tell(history, first, ret);
	if (++first->step == 1 && first->image != IMAGE_NONE) {
		first->next_ns += 200 * US + draw(history) % (400 * US);
	} else if (first->step <= 2) {
		first->step = 2;
		first->next_ns = first->exit_ns > first->next_ns ? first->exit_ns : first->next_ns + US;
	} else {
		*first = history->heap[--history->count];
	}
	sift_down(history, 0);
}

void history_resident(struct history *history, uint32_t n, unsigned which, struct fact *ret)
{
	struct process_key self = resident_key(n);
	struct history_process p = {.start_ns = self.start_ns,
				    .next_ns = self.start_ns + which,
				    .tgid = self.tgid,
				    .group = self.tgid,
				    .image = IMAGE_DAEMON,
				    .context = (uint8_t)(n % HISTORY_CONTEXTS),
				    .program = (uint16_t)draw_zipf(history, PROGRAMS),
				    .salt = n,
				    .step = (uint8_t)which,
				    .parent =
					n ? resident_key((n - 1) / 8) : (struct process_key){.tgid = 1, .start_ns = 1}};

	tell(history, &p, ret);
}
