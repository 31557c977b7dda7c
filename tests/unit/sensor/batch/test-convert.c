// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/batch/convert.h"

/* A record in memory of exactly its size, so that ASan sees every byte read beyond it. */
static struct event *record(uint32_t type, const char *const strings[EVENT_STRINGS])
{
	size_t size = sizeof(struct event);
	struct event *event;
	char *at;

	for (int i = 0; i < EVENT_STRINGS; i++)
		size += strings[i] ? strlen(strings[i]) : 0;
	event = calloc(1, size);
	assert_non_null(event);
	at = (char *)(event + 1);
	for (int i = 0; i < EVENT_STRINGS; i++) {
		size_t len = strings[i] ? strlen(strings[i]) : 0;

		memcpy(at, strings[i] ? strings[i] : "", len);
		event->string_bytes[i] = (uint32_t)len;
		at += len;
	}
	event->size = (uint32_t)size;
	event->type = type;
	return event;
}

static const char *const exec_strings[EVENT_STRINGS] = {
	[EVENT_CGROUP] = "/system.slice", [EVENT_NODENAME] = "node", [EVENT_EXE] = "/usr/bin/dash", [EVENT_CWD] = "/tmp",
	[EVENT_SCRIPT] = "/tmp/run", [EVENT_INTERPRETER] = "/bin/sh", [EVENT_ARGV] = "sh",
	[EVENT_ENVIRON] = "LANG=C",
};

static void assert_text(struct bytes bytes, const char *expected)
{
	assert_int_equal(bytes.len, strlen(expected));
	assert_memory_equal(bytes.data, expected, bytes.len);
}

static void strings_are_borrowed_in_order(void **state)
{
	struct event *event = record(EVENT_EXEC, exec_strings);
	struct fact_context context;
	struct fact fact;

	assert_int_equal(convert_event(event, &context, &fact), 0);
	assert_text(context.cgroup, "/system.slice");
	assert_text(context.nodename, "node");
	assert_text(fact.exe, "/usr/bin/dash");
	assert_text(fact.cwd, "/tmp");
	assert_text(fact.script, "/tmp/run");
	assert_text(fact.interpreter, "/bin/sh");
	assert_text(fact.argv, "sh");
	assert_ptr_equal(context.cgroup.data, (const char *)(event + 1));
	assert_ptr_equal(fact.context, &context);
	assert_int_equal(fact.environ_.len, 0); /* never the whole of it */
	assert_text(event_environ(event), "LANG=C");
	assert_int_equal(context.user.len, 0);
	free(event);
}

static void numbers_reach_their_fields(void **state)
{
	static const char *const none[EVENT_STRINGS] = {NULL};
	struct event *event = record(EVENT_FORK, none);
	struct fact_context context;
	struct fact fact;

	event->flags = EVENT_CGROUP_TRUNCATED;
	event->time_ns = 1, event->start_ns = 2, event->parent_start_ns = 3, event->creator_start_ns = 4;
	event->tgid = 5, event->parent_tgid = 6, event->creator_tgid = 7, event->tid = 8, event->ns_tgid = 9;
	event->pgid = 10, event->sid = 11, event->tty = 12, event->exec_seq = 13;
	event->uid = 20, event->gid = 21, event->euid = 22, event->egid = 23;
	event->suid = 24, event->sgid = 25, event->fsuid = 26, event->fsgid = 27;
	event->loginuid = UINT32_MAX, event->session = 29;
	event->cap_inheritable = 30, event->cap_permitted = 31, event->cap_effective = 32;
	event->ns_mnt = 40, event->ns_pid = 41, event->ns_net = 42, event->ns_user = 43;
	event->ns_uts = 44, event->ns_ipc = 45, event->ns_cgroup = 46, event->cgroup_id = 47, event->ns_time = 48;
	memcpy(event->comm, "fifteen letters", 15);
	assert_int_equal(convert_event(event, &context, &fact), 0);
	assert_int_equal(fact.type, FACT_FORK);
	assert_int_equal(fact.flags, FACT_CGROUP_TRUNCATED);
	assert_int_equal(fact.time_ns, 1);
	assert_true(process_key_equal(fact.self, (struct process_key){.start_ns = 2, .tgid = 5}));
	assert_true(process_key_equal(fact.parent, (struct process_key){.start_ns = 3, .tgid = 6}));
	assert_true(process_key_equal(fact.creator, (struct process_key){.start_ns = 4, .tgid = 7}));
	assert_int_equal(fact.tid, 8);
	assert_int_equal(fact.ns_tgid, 9);
	assert_int_equal(fact.pgid, 10);
	assert_int_equal(fact.sid, 11);
	assert_int_equal(fact.tty, 12);
	assert_int_equal(fact.exec_seq, 13);
	assert_text(fact.comm, "fifteen letters");
	assert_int_equal(context.uid, 20);
	assert_int_equal(context.gid, 21);
	assert_int_equal(context.euid, 22);
	assert_int_equal(context.egid, 23);
	assert_int_equal(context.suid, 24);
	assert_int_equal(context.sgid, 25);
	assert_int_equal(context.fsuid, 26);
	assert_int_equal(context.fsgid, 27);
	assert_int_equal(context.loginuid, FACT_ID_UNKNOWN);
	assert_int_equal(context.session, 29);
	assert_int_equal(context.cap_inheritable, 30);
	assert_int_equal(context.cap_permitted, 31);
	assert_int_equal(context.cap_effective, 32);
	assert_int_equal(context.ns_mnt, 40);
	assert_int_equal(context.ns_pid, 41);
	assert_int_equal(context.ns_net, 42);
	assert_int_equal(context.ns_user, 43);
	assert_int_equal(context.ns_uts, 44);
	assert_int_equal(context.ns_ipc, 45);
	assert_int_equal(context.ns_cgroup, 46);
	assert_int_equal(context.ns_time, 48);
	assert_int_equal(context.cgroup_id, 47);
	free(event);
}

static struct fact_exit converted_exit(uint32_t status, uint64_t utime, uint64_t stime, uint64_t runtime)
{
	static const char *const none[EVENT_STRINGS] = {NULL};
	struct event *event = record(EVENT_EXIT, none);
	struct fact_context context;
	struct fact fact;

	event->exit_status = status;
	event->utime_ns = utime, event->stime_ns = stime, event->runtime_ns = runtime;
	event->read_bytes = UINT64_MAX;
	event->reaper_tgid = 50, event->reaper_start_ns = 51;
	assert_int_equal(convert_event(event, &context, &fact), 0);
	free(event);
	return fact.exit;
}

static void exit_status_is_what_waitpid_reports(void **state)
{
	struct fact_exit end = converted_exit(0x0300, 0, 0, 0);

	assert_int_equal(end.code, 3);
	assert_int_equal(end.signal, 0);
	assert_false(end.core);
	end = converted_exit(0xff00, 0, 0, 0);
	assert_int_equal(end.code, 255);
	end = converted_exit(9, 0, 0, 0);
	assert_int_equal(end.code, -1);
	assert_int_equal(end.signal, 9);
	assert_false(end.core);
	end = converted_exit(0x80 | 11, 0, 0, 0);
	assert_int_equal(end.code, -1);
	assert_int_equal(end.signal, 11);
	assert_true(end.core);
	assert_true(end.read_bytes == UINT64_MAX);
	assert_int_equal(end.reaper.tgid, 50);
	assert_int_equal(end.reaper.start_ns, 51);
}

static void times_are_the_runtime_in_the_ratio_of_the_ticks(void **state)
{
	struct fact_exit end = converted_exit(0, 0, 0, 1000);

	assert_int_equal(end.utime_ns, 1000);
	assert_int_equal(end.stime_ns, 0);
	end = converted_exit(0, 3000000, 1000000, 8000000);
	assert_int_equal(end.utime_ns, 6000000);
	assert_int_equal(end.stime_ns, 2000000);
	end = converted_exit(0, 4000000, 0, 0);
	assert_int_equal(end.utime_ns, 4000000);
	end = converted_exit(0, UINT64_C(1) << 50, UINT64_C(1) << 50, UINT64_C(1) << 52);
	assert_true(end.stime_ns == UINT64_C(1) << 51);
}

static void a_record_whose_sizes_do_not_fit_is_refused(void **state)
{
	struct event *event = record(EVENT_EXEC, exec_strings);
	struct fact_context context;
	struct fact fact;

	event->size++;
	assert_int_equal(convert_event(event, &context, &fact), -EBADMSG);
	event->size -= 2;
	assert_int_equal(convert_event(event, &context, &fact), -EBADMSG);
	event->size++;
	assert_int_equal(convert_event(event, &context, &fact), 0);
	/* Lengths whose 32-bit sum would wrap around to the right size. */
	event->string_bytes[EVENT_EXE] += UINT32_C(0x80000000);
	event->string_bytes[EVENT_CWD] += UINT32_C(0x80000000);
	assert_int_equal(convert_event(event, &context, &fact), -EBADMSG);
	free(event);
}

static void an_unknown_type_is_refused(void **state)
{
	static const char *const none[EVENT_STRINGS] = {NULL};
	static const uint32_t types[] = {0, EVENT_TYPES, UINT32_MAX};
	struct fact_context context;
	struct fact fact;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct event *event = record(types[i], none);

		assert_int_equal(convert_event(event, &context, &fact), -EBADMSG);
		free(event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_borrowed_in_order),
		cmocka_unit_test(numbers_reach_their_fields),
		cmocka_unit_test(exit_status_is_what_waitpid_reports),
		cmocka_unit_test(times_are_the_runtime_in_the_ratio_of_the_ticks),
		cmocka_unit_test(a_record_whose_sizes_do_not_fit_is_refused),
		cmocka_unit_test(an_unknown_type_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
