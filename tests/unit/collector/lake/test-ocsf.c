/* SPDX-License-Identifier: Apache-2.0 */
/* Facts go through the real forest, then each event is compared leaf by leaf with what the mapping of docs/lake.md
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/lake/ocsf.h"
#include "tests/unit/collector/lake/golden.h"

#define WALL_NS 1700000000000000000ll /* of boottime 0: 2023-11-14T22:13:20Z */
#define SECOND 1000000000ull
#define BOOT "2899dae44fa44eef95b66bc95325f61a"

static const struct boot_id boot = {
	{0x28, 0x99, 0xda, 0xe4, 0x4f, 0xa4, 0x4e, 0xef, 0x95, 0xb6, 0x6b, 0xc9, 0x53, 0x25, 0xf6, 0x1a}};
static struct forest *forest;
static struct forest_host *host;
static struct arena arena;
static struct json json;
static json_t *event;

static const struct fact_context root_context = {
	.suid = 0,
	.loginuid = FACT_ID_UNKNOWN,
	.session = FACT_ID_UNKNOWN,
	.ns_pid = 4026531836u,
};
static const struct fact_context user_context = {
	.uid = 1000,
	.gid = 100,
	.euid = 0,
	.egid = 100,
	.suid = 0,
	.sgid = 100,
	.fsuid = 0,
	.fsgid = 100,
	.loginuid = 1000,
	.session = 7,
	.cap_effective = 0x1ffffffffffull,
	.cap_permitted = 0x1ffffffffffull,
	.ns_mnt = 4026531841u,
	.ns_pid = 4026532263u,
	.ns_net = 4026531840u,
	.ns_user = 4026531837u,
	.ns_uts = 4026531838u,
	.ns_ipc = 4026531839u,
	.ns_cgroup = 4026531835u,
	.ns_time = 4026531834u,
	.cgroup_id = 4321,
	.cgroup = {"/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 72},
	.user = {"ann", 3},
	.nodename = {"box", 3},
};

static struct fact fact_of(enum fact_type type, uint32_t tgid, uint64_t time_ns)
{
	return (struct fact){
		.type = type,
		.time_ns = time_ns,
		.tid = tgid,
		.ns_tgid = tgid,
		.pgid = tgid,
		.sid = tgid,
		.self = {tgid * SECOND, tgid},
		.parent = {SECOND, tgid == 1 ? 0 : 1},
		.comm = BYTES_LITERAL("init"),
		.context = &root_context,
	};
}

static bool apply(const struct fact *fact)
{
	bool new = false;

	assert_int_equal(forest_apply(forest, host, fact, WALL_NS, &new), 0);
	return new;
}

/* pid 1 from a snapshot */
static void apply_init(void)
{
	struct fact fact = fact_of(FACT_SNAPSHOT, 1, 2 * SECOND);

	fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	fact.exe = BYTES_LITERAL("/sbin/init");
	fact.argv = BYTES_LITERAL("/sbin/init\0splash\0");
	fact.argv_bytes = fact.argv.len;
	fact.cwd = BYTES_LITERAL("/");
	assert_true(apply(&fact));
}

static int setup(void **state)
{
	static const struct tag tags[] = {{{"role", 4}, {"web", 3}}};
	struct hello hello = {
		.protocol_version = 1,
		.boot = boot,
		.machine_id = {0xab, 0xcd, 0xef},
		.machine_id_known = true,
		.hostname = BYTES_LITERAL("web-1"),
		.kernel = BYTES_LITERAL("6.18.0"),
		.arch = BYTES_LITERAL("x86_64"),
		.sensor_version = BYTES_LITERAL("0.1.0"),
		.tags = tags,
		.tag_count = 1,
		.boottime_to_wall_ns = WALL_NS,
		.boottime_ns = SECOND,
	};
	struct forest_options options = FOREST_OPTIONS_DEFAULT;

	assert_int_equal(forest_create(&forest, &options), 0);
	assert_int_equal(forest_host_get(forest, &boot, &host), 0);
	assert_int_equal(forest_host_describe(forest, host, &hello), 0);
	apply_init();
	return 0;
}

static int teardown(void **state)
{
	json_decref(event);
	event = NULL;
	json_finish(&json);
	arena_finish(&arena);
	forest_destroy(forest);
	forest = NULL;
	return 0;
}

static void load(void)
{
	json_error_t error;

	assert_false(json.failed);
	json_decref(event);
	event = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, &error);
	if (!event)
		fail_msg("%s in %.*s", error.text, (int)json.len, json.data);
	json_reset(&json);
	arena_reset(&arena);
}

static struct ocsf_source source_of(struct forest_host_info *info)
{
	struct ocsf_source source = {
		.boot = &boot,
		.host = host,
		.received_wall_ns = WALL_NS + 1234567890,
		.boottime_to_wall_ns = WALL_NS,
		.stream = 0xfeedfacecafebeefull,
		.seq = 42,
		.position = 9,
		.index = 3,
	};

	if (host) {
		forest_host_info(host, info);
		source.info = info;
	}
	return source;
}

static void write_fact(const struct fact *fact)
{
	struct forest_host_info info;
	struct ocsf_source source = source_of(&info);

	ocsf_fact_write(&json, &source, fact, &arena);
	load();
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

static char leaves[512][512];
static size_t leaf_count;

static void flatten(const char *path, json_t *value)
{
	char child[300];
	const char *key;
	json_t *member;
	char *text;
	size_t i;

	if (json_is_object(value) && json_object_size(value)) {
		json_object_foreach(value, key, member)
		{
			(void)snprintf(child, sizeof(child), "%s%s%s", path, *path ? "." : "", key);
			flatten(child, member);
		}
	} else if (json_is_array(value) && json_array_size(value)) {
		json_array_foreach(value, i, member)
		{
			(void)snprintf(child, sizeof(child), "%s[%zu]", path, i);
			flatten(child, member);
		}
	} else {
		text = json_dumps(value, JSON_ENCODE_ANY);
		(void)snprintf(leaves[leaf_count++], sizeof(leaves[0]), "%s=%s", path, text);
		free(text);
	}
}

/* The whole event, in its order; on a difference the event is printed as it would have to stand here. */
static void assert_event(const char *const *expected, size_t count)
{
	size_t i = 0;

	leaf_count = 0;
	flatten("", event);
	while (i < count && i < leaf_count && !strcmp(leaves[i], expected[i]))
		i++;
	if (i == count && i == leaf_count)
		return;
	for (size_t l = 0; l < leaf_count; l++)
		print_message("%s %s\n", l == i ? ">" : " ", leaves[l]);
	fail_msg("leaf %zu: expected %s", i, i < count ? expected[i] : "no more");
}
#define ASSERT_EVENT(expected) assert_event(expected, sizeof(expected) / sizeof(*(expected)))

/* A leaf by its path; NULL when there is none. */
static const char *leaf(const char *path)
{
	size_t len = strlen(path);

	leaf_count = 0;
	flatten("", event);
	for (size_t i = 0; i < leaf_count; i++)
		if (!strncmp(leaves[i], path, len) && leaves[i][len] == '=')
			return leaves[i] + len + 1;
	return NULL;
}

static void assert_leaf(const char *path, const char *value)
{
	const char *found = leaf(path);

	if (!value) {
		assert_null(found);
		return;
	}
	if (!found)
		fail_msg("%s is missing", path);
	assert_string_equal(found, value);
}

/* What the schema requires of every event of this class, and its rules for names and numbers. */
static void assert_valid(void)
{
	json_int_t class_uid, activity, type;
	const json_t *actor, *process, *file, *metadata, *device;

	assert_int_equal(json_unpack(event, "{s:I, s:I, s:I, s:i, s:i, s:I}", "class_uid", &class_uid, "activity_id",
				     &activity, "type_uid", &type, "category_uid", &(int){0}, "severity_id", &(int){0},
				     "time", &(json_int_t){0}),
			 0);
	assert_int_equal(type, class_uid * 100 + activity);
	assert_true(activity == 1 || activity == 2 || activity == 99);
	metadata = json_object_get(event, "metadata");
	assert_string_equal(json_string_value(json_object_get(metadata, "version")), "1.8.0");
	assert_non_null(json_string_value(json_object_get(json_object_get(metadata, "product"), "name")));
	device = json_object_get(event, "device");
	assert_true(json_is_integer(json_object_get(device, "type_id")));
	assert_true(json_object_get(device, "uid") || json_object_get(device, "hostname") ||
		    json_object_get(device, "name"));
	actor = json_object_get(event, "actor");
	assert_true(json_object_get(actor, "process") || json_object_get(actor, "user") ||
		    json_object_get(actor, "app_name"));
	process = json_object_get(event, "process");
	assert_true(json_object_get(process, "pid") || json_object_get(process, "uid") ||
		    json_object_get(process, "cpid"));
	file = json_object_get(process, "file");
	if (file)
		assert_true(json_is_integer(json_object_get(file, "type_id")) &&
			    json_is_string(json_object_get(file, "name")));
	if (json_object_get(event, "launch_type_id"))
		assert_int_equal(activity, 1);
}

/* ---- whole events ---------------------------------------------------------------------------------------------- */

static struct fact exec_fact(void)
{
	struct fact fact = fact_of(FACT_EXEC, 50, 51 * SECOND + 123456789);

	fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN | FACT_SETUID;
	fact.context = &user_context;
	fact.ns_tgid = 29;
	fact.self.start_ns = 50 * SECOND + 550000000;
	fact.comm = BYTES_LITERAL("sh");
	fact.exe = BYTES_LITERAL("/usr/bin/dash");
	fact.script = BYTES_LITERAL("/opt/run.sh");
	fact.interpreter = BYTES_LITERAL("/bin/sh");
	fact.argv = BYTES_LITERAL("/bin/sh\0/opt/run.sh\0a b\0\0");
	fact.argv_bytes = fact.argv.len;
	fact.cwd = BYTES_LITERAL("/srv");
	fact.environ_ = BYTES_LITERAL("LANG=C\0EMPTY=\0");
	fact.exec_seq = 1;
	fact.tty = 136 << 8 | 2;
	fact.pgid = 48;
	fact.sid = 47;
	fact.exe_inode = 7654321;
	fact.exe_dev = 8 << 20 | 1;
	fact.exe_mode = 0104755;
	fact.exe_nlink = 1;
	fact.exe_ctime_ns = 1600000000123456789ull;
	return fact;
}

static void test_exec(void **state)
{
	struct fact fact = exec_fact();

	assert_true(apply(&fact));
	write_fact(&fact);
	assert_valid();
	ASSERT_EVENT(golden_exec);
}

static void test_fork(void **state)
{
	struct fact fact = fact_of(FACT_FORK, 50, 50 * SECOND);

	assert_true(apply(&fact));
	write_fact(&fact);
	assert_valid();
	assert_leaf("activity_id", "1");
	assert_leaf("activity_name", "\"Launch\"");
	assert_leaf("type_uid", "100701");
	assert_leaf("type_name", "\"Process Activity: Launch\"");
	assert_leaf("launch_type_id", "2");
	assert_leaf("launch_type", "\"Fork\"");
	assert_leaf("metadata.event_code", "\"fork\"");
	assert_leaf("metadata.uid", "\"" BOOT "-50-ba43b7400-fork\"");
	assert_leaf("actor.process.pid", "1");
	assert_leaf("actor.process.path", "\"/sbin/init\"");
	assert_leaf("actor.user.uid", "\"0\"");
	assert_leaf("process.pid", "50");
	/* the image at fork is the parent's */
	assert_leaf("process.path", "\"/sbin/init\"");
	assert_leaf("process.cmd_line", "\"/sbin/init splash\"");
	assert_leaf("process.xattributes.exec_seq", "0");
	assert_leaf("process.parent_process.pid", "1");
	assert_leaf("process.ancestry[0].pid", "1");
	assert_leaf("process.ancestry[1].pid", NULL);
	assert_leaf("process.auid", NULL);
	assert_leaf("exit_code", NULL);
	assert_leaf("process.terminated_time", NULL);
}

/* CLONE_PARENT: the actor is who called fork, the parent stays the parent. */
static void test_fork_by_another(void **state)
{
	struct fact creator = fact_of(FACT_FORK, 50, 50 * SECOND), fact = fact_of(FACT_FORK, 60, 60 * SECOND);

	fact.creator = creator.self;
	creator.comm = BYTES_LITERAL("creator");
	assert_true(apply(&creator));
	assert_true(apply(&fact));
	write_fact(&fact);
	assert_valid();
	assert_leaf("actor.process.pid", "50");
	assert_leaf("process.parent_process.pid", "1");
	assert_leaf("process.xattributes.creator_pid", "50");
}

static void test_exit_code(void **state)
{
	struct fact exec = exec_fact(), fact = fact_of(FACT_EXIT, 50, 52 * SECOND);

	fact.self = exec.self;
	fact.context = &user_context;
	fact.comm = BYTES_LITERAL("sh");
	fact.exit = (struct fact_exit){.code = 3,
				       .utime_ns = 11,
				       .stime_ns = 22,
				       .max_rss_bytes = 4096,
				       .read_bytes = 5,
				       .written_bytes = UINT64_MAX};
	assert_true(apply(&exec));
	assert_true(apply(&fact));
	write_fact(&fact);
	assert_valid();
	assert_leaf("type_uid", "100702");
	assert_leaf("activity_name", "\"Terminate\"");
	assert_leaf("type_name", "\"Process Activity: Terminate\"");
	assert_leaf("launch_type_id", NULL);
	assert_leaf("exit_code", "3");
	assert_leaf("status_code", NULL);
	assert_leaf("process.terminated_time", "1700000052000");
	/* the name comes from the forest: an exit says nothing of the image */
	assert_leaf("process.path", "\"/usr/bin/dash\"");
	assert_leaf("process.cmd_line", "\"/bin/sh /opt/run.sh a b \"");
	assert_leaf("actor.process.pid", "50");
	assert_leaf("actor.process.path", "\"/usr/bin/dash\"");
	assert_leaf("unmapped.exit_signal", NULL);
	assert_leaf("unmapped.core_dumped", "false");
	assert_leaf("unmapped.rusage.utime_ns", "11");
	assert_leaf("unmapped.rusage.stime_ns", "22");
	assert_leaf("unmapped.rusage.max_rss_bytes", "4096");
	assert_leaf("unmapped.rusage.read_bytes", "5");
	assert_leaf("unmapped.rusage.written_bytes", NULL);
	assert_leaf("unmapped.reaper_pid", NULL);
	fact.exit.reaper = (struct process_key){SECOND, 1};
	write_fact(&fact);
	assert_leaf("unmapped.reaper_pid", "1");
	assert_leaf("unmapped.reaper_uid", "\"" BOOT "-1-3b9aca00\"");
}

static void test_exit_signal(void **state)
{
	static const struct {
		uint32_t signal;
		const char *code, *exit_code;
	} rows[] = {{11, "\"SIGSEGV\"", "139"},
		    {9, "\"SIGKILL\"", "137"},
		    {34, "\"SIG34\"", "162"},
		    {UINT32_MAX, "\"SIG65535\"", "4294967423"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fact fact = fact_of(FACT_EXIT, 50 + (uint32_t)i, 52 * SECOND);

		fact.exit = (struct fact_exit){.code = -1, .signal = rows[i].signal, .core = rows[i].signal == 11};
		assert_true(apply(&fact));
		write_fact(&fact);
		assert_valid();
		assert_leaf("exit_code", rows[i].exit_code);
		assert_leaf("status_code", rows[i].code);
		assert_leaf("unmapped.core_dumped", rows[i].signal == 11 ? "true" : "false");
		assert_leaf("status_detail",
			    rows[i].signal == 11 ? "\"ended by a signal, core dumped\"" : "\"ended by a signal\"");
	}
}

static void test_snapshot(void **state)
{
	struct fact fact = fact_of(FACT_SNAPSHOT, 1, 3 * SECOND);

	write_fact(&fact);
	assert_valid();
	assert_leaf("activity_id", "99");
	assert_leaf("activity_name", "\"Snapshot\"");
	assert_leaf("type_uid", "100799");
	assert_leaf("type_name", "\"Process Activity: Other\"");
	assert_leaf("status_id", NULL);
	assert_leaf("actor.app_name", "\"canopy-sensor\"");
	assert_leaf("actor.process", NULL);
	assert_leaf("process.parent_process.pid", NULL);
	assert_leaf("process.ancestry[0].pid", NULL);
	assert_leaf("metadata.uid", "\"" BOOT "-1-3b9aca00-snapshot-b2d05e00\"");
}

/* ---- what is not known ----------------------------------------------------------------------------------------- */

/* A host that the forest does not know (or has thrown away), and a fact that knows nothing. */
static void test_bare(void **state)
{
	static const struct fact_context unknown = {
		.uid = FACT_ID_UNKNOWN,
		.gid = FACT_ID_UNKNOWN,
		.euid = FACT_ID_UNKNOWN,
		.egid = FACT_ID_UNKNOWN,
		.suid = FACT_ID_UNKNOWN,
		.sgid = FACT_ID_UNKNOWN,
		.fsuid = FACT_ID_UNKNOWN,
		.fsgid = FACT_ID_UNKNOWN,
		.loginuid = FACT_ID_UNKNOWN,
		.session = FACT_ID_UNKNOWN,
	};

	host = NULL;
	for (int type = FACT_FORK; type <= FACT_SNAPSHOT; type++) {
		struct fact fact = {.type = (enum fact_type)type, .time_ns = 5, .self = {0, 77}, .context = &unknown};

		write_fact(&fact);
		assert_valid();
		assert_leaf("process.pid", "77");
		assert_leaf("process.uid", NULL);
		assert_leaf("process.cpid", NULL);
		assert_leaf("process.name", NULL);
		assert_leaf("process.created_time", NULL);
		assert_leaf("process.user.uid", NULL);
		assert_leaf("process.euid", NULL);
		assert_leaf("process.xattributes.suid", NULL);
		assert_leaf("process.xattributes.ns.pid", NULL);
		assert_leaf("device.boot_uid", "\"2899dae4-4fa4-4eef-95b6-6bc95325f61a\"");
		assert_leaf("device.hostname", NULL);
		assert_leaf("device.name", "\"2899dae4-4fa4-4eef-95b6-6bc95325f61a\"");
		if (type == FACT_FORK)
			assert_leaf("actor.app_name", "\"unknown\"");
	}
}

/* A parent that the forest no longer holds keeps at least its identity. */
static void test_evicted_parent(void **state)
{
	struct fact fact = exec_fact();

	host = NULL;
	write_fact(&fact);
	assert_valid();
	assert_leaf("process.parent_process.pid", "1");
	assert_leaf("process.parent_process.uid", "\"" BOOT "-1-3b9aca00\"");
	assert_leaf("process.parent_process.name", NULL);
	assert_leaf("actor.process.uid", "\"" BOOT "-1-3b9aca00\"");
}

static void test_truncated(void **state)
{
	static const uint32_t flags[] = {FACT_ARGV_TRUNCATED, FACT_EXE_TRUNCATED, FACT_CWD_TRUNCATED,
					 FACT_CGROUP_TRUNCATED};
	struct fact fact = exec_fact();

	write_fact(&fact);
	assert_leaf("metadata.is_truncated", "false");
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		fact = exec_fact();
		fact.flags |= flags[i];
		write_fact(&fact);
		assert_leaf("metadata.is_truncated", "true");
	}
	fact.argv = BYTES_LITERAL("cut\0of"); /* no NUL behind the last one */
	fact.argv_bytes = 1000000;
	write_fact(&fact);
	assert_leaf("process.cmd_line", "\"cut of\"");
	assert_leaf("process.xattributes.argv[1]", "\"of\"");
	assert_leaf("process.xattributes.argv[2]", NULL);
	assert_leaf("process.xattributes.argv_bytes", "1000000");
}

static void test_not_utf8(void **state)
{
	struct fact fact = exec_fact();

	fact.argv = BYTES_LITERAL("x\0\xff\xfe\0");
	fact.exe = BYTES_LITERAL("/tmp/\xe9t\xe9");
	write_fact(&fact);
	assert_leaf("process.xattributes.argv[1]", "\"\\\\xff\\\\xfe\"");
	assert_leaf("process.xattributes.argv_raw", "\"eAD//gA=\"");
	assert_leaf("process.path", "\"/tmp/\\\\xe9t\\\\xe9\"");
	fact.argv = BYTES_NULL; /* argc 0 */
	write_fact(&fact);
	assert_leaf("process.xattributes.argv", "[]");
	assert_leaf("process.cmd_line", NULL);
}

static void test_memfd(void **state)
{
	struct fact fact = exec_fact();

	fact.flags |= FACT_MEMFD | FACT_DELETED | FACT_REDACTED;
	fact.exe = BYTES_LITERAL("memfd:payload");
	write_fact(&fact);
	assert_leaf("process.file.name", "\"memfd:payload\"");
	assert_leaf("process.file.is_deleted", "true");
	assert_leaf("process.xattributes.flags[1]", "\"memfd\"");
	assert_leaf("process.xattributes.flags[3]", "\"redacted\"");
}

/* A chain of 100 processes: the newest OCSF_ANCESTORS_MAX are told, and that there are more. */
static void test_deep(void **state)
{
	struct fact fact = {0};

	for (uint32_t tgid = 2; tgid <= 100; tgid++) {
		fact = fact_of(FACT_FORK, tgid, tgid * SECOND);
		fact.parent = (struct process_key){(tgid - 1) * SECOND, tgid - 1};
		assert_true(apply(&fact));
	}
	write_fact(&fact);
	assert_leaf("process.ancestry[0].pid", "99");
	assert_leaf("process.ancestry[31].pid", "68");
	assert_leaf("process.ancestry[32].pid", NULL);
	assert_leaf("process.xattributes.ancestry_truncated", "true");
}

/* Relatives stand as they were at the time of the fact, not as they are when the row is written. */
static void test_image_of_the_time(void **state)
{
	struct fact fork = fact_of(FACT_FORK, 50, 50 * SECOND), first = exec_fact(), later = exec_fact(),
		    child = fact_of(FACT_FORK, 60, 55 * SECOND);

	fork.self = first.self;
	later.time_ns = 58 * SECOND;
	later.exe = BYTES_LITERAL("/bin/later");
	later.exec_seq = 2;
	child.parent = first.self;
	assert_true(apply(&fork));
	assert_true(apply(&first));
	assert_true(apply(&child));
	assert_true(apply(&later));
	write_fact(&child);
	assert_leaf("actor.process.path", "\"/usr/bin/dash\"");
	assert_leaf("process.path", "\"/usr/bin/dash\"");
	assert_leaf("process.ancestry[0].path", "\"/usr/bin/dash\"");
	assert_leaf("process.ancestry[1].path", "\"/sbin/init\"");
}

/* An orphan keeps the parent that made it; who is responsible for it now stands beside. */
static void test_orphan(void **state)
{
	struct fact middle = fact_of(FACT_FORK, 50, 50 * SECOND), orphan = fact_of(FACT_FORK, 60, 60 * SECOND),
		    exec = exec_fact();

	orphan.parent = middle.self;
	assert_true(apply(&middle));
	assert_true(apply(&orphan));
	exec.self = orphan.self;
	exec.time_ns = 61 * SECOND;
	exec.parent = (struct process_key){SECOND, 1};
	assert_true(apply(&exec));
	write_fact(&exec);
	assert_leaf("process.parent_process.pid", "50");
	assert_leaf("process.ancestry[0].pid", "50");
	assert_leaf("process.ancestry[1].pid", "1");
	assert_leaf("process.xattributes.current_ppid", "1");
}

/* ---- loss ------------------------------------------------------------------------------------------------------ */

static void assert_valid_loss(void)
{
	json_int_t time, start, end;

	assert_leaf("class_uid", "0");
	assert_leaf("category_uid", "0");
	assert_leaf("activity_id", "99");
	assert_leaf("activity_name", "\"Gap\"");
	assert_leaf("type_uid", "99");
	assert_leaf("metadata.version", "\"1.8.0\"");
	assert_leaf("metadata.event_code", "\"gap\"");
	assert_int_equal(json_unpack(event, "{s:I, s:I, s:I}", "time", &time, "start_time", &start, "end_time", &end),
			 0);
	assert_true(time == start && start <= end);
}

static void test_gap(void **state)
{
	struct gap gap = {
		.type = FACT_EXEC, .reason = GAP_RING_FULL, .from_ns = 5 * SECOND, .to_ns = 7 * SECOND, .count = 12};
	struct forest_host_info info;
	struct ocsf_source source = source_of(&info);

	ocsf_gap_write(&json, &source, &gap);
	load();
	assert_valid_loss();
	assert_leaf("time", "1700000005000");
	assert_leaf("end_time", "1700000007000");
	assert_leaf("count", "12");
	assert_leaf("message", "\"facts of type exec are missing: ring_full\"");
	assert_leaf("metadata.uid",
		    "\"2899dae4-4fa4-4eef-95b6-6bc95325f61a-gap-ring_full-exec-12a05f200-1a13b8600-12\"");
	assert_leaf("device.hostname", "\"web-1\"");
	assert_leaf("unmapped.reason", "\"ring_full\"");
	assert_leaf("unmapped.fact_type", "\"exec\"");
	gap = (struct gap){.type = 99, .reason = 99};
	ocsf_gap_write(&json, &source, &gap);
	load();
	assert_valid_loss();
	assert_leaf("count", NULL);
	assert_leaf("unmapped.reason", "\"unknown\"");
	assert_leaf("unmapped.fact_type", "\"unknown\"");
}

static void test_hole(void **state)
{
	ocsf_hole_write(&json, 10, 19, WALL_NS);
	load();
	assert_valid_loss();
	assert_leaf("unmapped.reason", "\"journal_hole\"");
	assert_leaf("unmapped.from_position", "10");
	assert_leaf("unmapped.to_position", "19");
	assert_leaf("device", NULL);
}

#define WITH_FOREST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOREST(test_exec),
		WITH_FOREST(test_fork),
		WITH_FOREST(test_fork_by_another),
		WITH_FOREST(test_exit_code),
		WITH_FOREST(test_exit_signal),
		WITH_FOREST(test_snapshot),
		WITH_FOREST(test_bare),
		WITH_FOREST(test_evicted_parent),
		WITH_FOREST(test_truncated),
		WITH_FOREST(test_not_utf8),
		WITH_FOREST(test_memfd),
		WITH_FOREST(test_deep),
		WITH_FOREST(test_image_of_the_time),
		WITH_FOREST(test_orphan),
		WITH_FOREST(test_gap),
		WITH_FOREST(test_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
