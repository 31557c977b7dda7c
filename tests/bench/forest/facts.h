/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for the benches of the forest: contexts, paths and arguments repeat as they do on a host that builds software. */
#ifndef BENCH_FOREST_FACTS_H
#define BENCH_FOREST_FACTS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canopy/fact.h"

#define PROGRAMS 150u
#define CONTEXTS 20u
#define TEXT 160u

static struct fact_context contexts[CONTEXTS];
static char programs[PROGRAMS][TEXT], folders[CONTEXTS][TEXT], groups[CONTEXTS][TEXT];

static inline double cpu(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* what it costs a core, whoever else uses the machine */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static inline void make_texts(void)
{
	for (unsigned i = 0; i < PROGRAMS; i++)
		(void)snprintf(programs[i], TEXT, "/usr/bin/program-of-a-usual-length-%u", i);
	for (unsigned i = 0; i < CONTEXTS; i++) {
		(void)snprintf(folders[i], TEXT, "/home/builder/src/project-%u", i);
		(void)snprintf(groups[i], TEXT, "/system.slice/some-service-%u.service", i);
		contexts[i] = (struct fact_context){
		    .uid = i,
		    .gid = i,
		    .euid = i,
		    .egid = i,
		    .suid = i,
		    .sgid = i,
		    .fsuid = i,
		    .fsgid = i,
		    .loginuid = 1000,
		    .session = i,
		    .ns_mnt = 1,
		    .ns_pid = 2,
		    .ns_net = 3,
		    .ns_user = 4,
		    .ns_uts = 5,
		    .ns_ipc = 6,
		    .ns_cgroup = 7,
		    .cgroup_id = 100 + i,
		    .cgroup = bytes_from_string(groups[i]),
		    .user = BYTES_LITERAL("builder"),
		    .nodename = BYTES_LITERAL("build-17"),
		};
	}
}

/* argv of life i: half of them are alone with theirs. */
static inline struct bytes make_argv(unsigned i)
{
	char *argv = must(malloc(TEXT));
	int len = snprintf(argv, TEXT, "program%c-o%cbuild/obj/file-%u.o%csrc/file-%u.c", 0, 0, i % 2 ? i : 7, 0,
			   i % 2 ? i : 7);

	return bytes_make(argv, (size_t)len + 1);
}

static inline struct fact make_fact(enum fact_type type, struct process_key self, struct process_key parent, uint64_t time,
			     unsigned i)
{
	const char *program = programs[i % PROGRAMS];
	struct fact fact = {
	    .type = type,
	    .time_ns = time,
	    .self = self,
	    .parent = parent,
	    .creator = parent,
	    .tid = self.tgid,
	    .ns_tgid = self.tgid,
	    .pgid = parent.tgid,
	    .sid = parent.tgid,
	    .tty = 34816,
	    .comm = bytes_make(program + 9, 15),
	    .context = &contexts[i % CONTEXTS],
	};

	if (type == FACT_EXEC || type == FACT_SNAPSHOT) {
		fact.exec_seq = type == FACT_EXEC;
		fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
		fact.exe = bytes_from_string(program);
		fact.cwd = bytes_from_string(folders[i % CONTEXTS]);
		fact.argv = make_argv(i);
		fact.argv_bytes = fact.argv.len;
		fact.exe_inode = 1000 + i % PROGRAMS;
		fact.exe_dev = 8 << 20 | 1;
	}
	if (type == FACT_EXIT)
		fact.exit = (struct fact_exit){.max_rss_bytes = 1 << 20};
	return fact;
}

#endif
