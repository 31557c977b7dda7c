/* SPDX-License-Identifier: Apache-2.0 */
/* One process with everything known, for the tests of the model and of the filter. */
#ifndef CANOPY_TESTS_UNIT_PROTO_MODEL_SAMPLE_H
#define CANOPY_TESTS_UNIT_PROTO_MODEL_SAMPLE_H

#include "proto/model/process.h"

#define SAMPLE_BOOT "0123456789abcdeffedcba9876543210"
#define SAMPLE_CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SAMPLE_START_WALL 1795348867123456789 /* 2026-11-22T12:01:07.123456789Z */

struct sample {
	struct bytes tags[4];
	struct fact_context context;
	struct process_image images[2];
	struct process_view view;
};

static inline void sample_init(struct sample *s)
{
	static const struct boot_id boot = {
		{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}};
	uint32_t known = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;

	*s = (struct sample){
	    .tags = {BYTES_LITERAL("env"), BYTES_LITERAL("prod"), BYTES_LITERAL("rack"), BYTES_LITERAL("r 7")},
	    .context = {.uid = 0,
			.gid = 1,
			.euid = 2,
			.egid = 3,
			.loginuid = 1000,
			.session = FACT_ID_UNKNOWN,
			.cap_effective = 0x1ffffffffff,
			.cap_permitted = 0x1ffffffffff,
			.ns_mnt = 4026531841u,
			.ns_pid = 11,
			.ns_net = 12,
			.ns_user = 13,
			.ns_uts = 14,
			.ns_time = 16,
			.ns_ipc = 15,
			.cgroup = BYTES_LITERAL("/docker/" SAMPLE_CONTAINER),
			.user = BYTES_LITERAL("root")},
	    .images = {{.seq = 0,
			.time_ns = 1000,
			.wall_ns = SAMPLE_START_WALL,
			.flags = known,
			.comm = BYTES_LITERAL("bash"),
			.exe = BYTES_LITERAL("/usr/bin/bash"),
			.argv = BYTES_LITERAL("-bash\0"),
			.argv_bytes = 6,
			.cwd = BYTES_LITERAL("/root"),
			.exe_inode = 9,
			.exe_dev = 8u << 20 | 1},
		       {.seq = 1,
			.time_ns = 1500,
			.wall_ns = SAMPLE_START_WALL + 500,
			.flags = known | FACT_SETUID,
			.comm = BYTES_LITERAL("curl"),
			.exe = BYTES_LITERAL("/usr/bin/curl"),
			.argv = BYTES_LITERAL("/usr/bin/curl\0-s\0http://x/\0"),
			.argv_bytes = 27,
			.environ_ = BYTES_LITERAL("LANG=C\0HTTP_PROXY=http://p/\0"),
			.cwd = BYTES_LITERAL("/root"),
			.exe_inode = 77,
			.exe_dev = 8u << 20 | 1}},
	};
	s->view = (struct process_view){
	    .host = BYTES_LITERAL("web-1"),
	    .boot = boot,
	    .tags = s->tags,
	    .tag_count = 2,
	    .self = {.tgid = 4433, .start_ns = 1000},
	    .parent = {.tgid = 4410, .start_ns = 900},
	    .creator = {.tgid = 4410, .start_ns = 900},
	    .current_ppid = 1,
	    .start_wall_ns = SAMPLE_START_WALL,
	    .state = PROCESS_EXITED,
	    .quality = QUALITY_SEEDED,
	    .ns_tgid = 5,
	    .pgid = 4433,
	    .sid = 4410,
	    .tty = 136 << 8,
	    .depth = 3,
	    .child_count = 2,
	    .context = &s->context,
	    .images = s->images,
	    .image_count = 2,
	    .exited = true,
	    .end_ns = 251000,
	    .end_wall_ns = SAMPLE_START_WALL + 250000,
	    .exit_known = true,
	    .exit = {.code = 22, .utime_ns = 7, .stime_ns = 8, .max_rss_bytes = 4096},
	};
}

#endif
