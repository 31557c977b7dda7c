/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as each file of /proc/PID: names, paths and counts in them are chosen by whoever runs the process. What is
 * taken must come out the same when it is written in the kernel's form and read again. */
#include <inttypes.h>
#include <stdio.h>

#include "sensor/probe/procfs.h"
#include "tests/fuzz/input.h"

#define ZEROS "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 " /* fields 23 to 47 */

static void check_stat(struct bytes text)
{
	struct procfs_stat stat, again, before;
	char written[512];
	int n;

	memset(&stat, 0x5a, sizeof(stat));
	before = stat;
	if (procfs_parse_stat(text, &stat) < 0) {
		must(memcmp(&stat, &before, sizeof(stat)) == 0);
		return;
	}
	must(is_within(stat.comm, text) && stat.comm.data[-1] == '(' && stat.comm.data[stat.comm.len] == ')');
	must(!memchr(stat.comm.data + stat.comm.len + 1, ')', (size_t)(text.data + text.len - stat.comm.data - stat.comm.len) - 1));
	if (stat.comm.len > 64 || memchr(stat.comm.data, '\0', stat.comm.len))
		return; /* for the writing below; the kernel's has 15 bytes at the most, or 63 of a worker */
	n = snprintf(written, sizeof(written), "%u (%.*s) %c %u %u %u %u -1 %u 1 2 3 4 5 6 7 8 9 10 11 12 %" PRIu64 " " ZEROS "0 %" PRIu64 " 0\n", stat.pid,
		     (int)stat.comm.len, stat.comm.data, stat.state, stat.parent, stat.pgid, stat.sid, stat.tty, stat.flags,
		     stat.start_ticks, stat.argv_bytes);
	must(procfs_parse_stat(bytes_make(written, (size_t)n), &again) == 0 && bytes_equal(stat.comm, again.comm));
	must(again.pid == stat.pid && again.parent == stat.parent && again.pgid == stat.pgid && again.sid == stat.sid);
	must(again.tty == stat.tty && again.flags == stat.flags && again.start_ticks == stat.start_ticks);
	must(again.argv_bytes == stat.argv_bytes);
}

/* Whatever a process is called, what stands behind its name is read right. */
static void check_name(struct bytes name)
{
	struct procfs_stat stat;
	char written[128];
	int n;

	name.len = name.len < 15 ? name.len : 15;
	n = snprintf(written, sizeof(written), "7 (");
	memcpy(written + n, name.data, name.len);
	n += (int)name.len;
	n += snprintf(written + n, sizeof(written) - (size_t)n, ") S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 9 10 11 12 987654321 0\n");
	must(procfs_parse_stat(bytes_make(written, (size_t)n), &stat) == 0 && bytes_equal(stat.comm, name));
	must(stat.state == 'S' && stat.parent == 1 && stat.sid == 7 && stat.flags == 4194560 && stat.start_ticks == 987654321);
}

static void check_status(struct bytes text)
{
	struct procfs_status status, again, before;
	char written[512];
	int n;

	memset(&status, 0x5a, sizeof(status));
	before = status;
	if (procfs_parse_status(text, &status) < 0) {
		must(memcmp(&status, &before, sizeof(status)) == 0);
		return;
	}
	n = snprintf(written, sizeof(written),
		     "Name:\tx\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nNStgid:\t1\t%u\nCapInh:\t%016" PRIx64 "\nCapPrm:\t%016" PRIx64
		     "\nCapEff:\t%016" PRIx64 "\n",
		     status.uid[0], status.uid[1], status.uid[2], status.uid[3], status.gid[0], status.gid[1], status.gid[2],
		     status.gid[3], status.ns_tgid, status.cap_inheritable, status.cap_permitted, status.cap_effective);
	must(procfs_parse_status(bytes_make(written, (size_t)n), &again) == 0);
	must(memcmp(status.uid, again.uid, sizeof(status.uid)) == 0 && memcmp(status.gid, again.gid, sizeof(status.gid)) == 0);
	must(status.ns_tgid == again.ns_tgid && status.cap_inheritable == again.cap_inheritable &&
	     status.cap_permitted == again.cap_permitted && status.cap_effective == again.cap_effective);
}

static void check_cgroup(struct bytes text)
{
	struct bytes path = procfs_parse_cgroup(text);

	(void)procfs_has_cgroup_v1(text);
	must(is_within(path, text));
	if (path.len)
		must(path.data > text.data && path.data[-1] == ':' && !memchr(path.data, '\n', path.len));
}

static void check_numbers(struct bytes text)
{
	uint64_t value = 0, again = 1;
	int64_t offset = 7;
	char written[32];
	int n;

	if (procfs_parse_boottime_offset(text, &offset) < 0)
		must(offset == 7);
	else
		must(offset <= INT64_MAX / 2 + 1000000000 && offset >= -(INT64_MAX / 2));
	if (procfs_parse_number(text, INT32_MAX, &value) == 0)
		must(value <= INT32_MAX);
	if (procfs_parse_number(text, UINT64_MAX, &value) < 0)
		return;
	n = snprintf(written, sizeof(written), "%" PRIu64 "\n", value);
	must(procfs_parse_number(bytes_make(written, (size_t)n), UINT64_MAX, &again) == 0 && again == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_make(data, size);

	check_stat(text);
	if (size)
		check_name(text);
	check_status(text);
	check_cgroup(text);
	check_numbers(text);
	return 0;
}
