// SPDX-License-Identifier: Apache-2.0
/* Each process is one folder, opened once: everything read below it is of the same process, or fails with ESRCH when that has
 * ended, even if its number is taken by another one meanwhile. */
#include "sensor/probe/procscan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "sensor/probe/attributes.h"
#include "sensor/probe/gains.h"
#include "sensor/probe/procfs.h"

#define PF_KTHREAD 0x00200000u
#define INITIAL_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO */
#define TEXT_MAX 8192                     /* stat and cgroup are below; status as far as the capabilities, too */

static ssize_t read_all(int dir, const char *name, void *buffer, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return -errno;
	while (have < size) {
		ssize_t n = read(fd, (char *)buffer + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = -errno;

			(void)close(fd);
			return error;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	(void)close(fd);
	return (ssize_t)have;
}

static int open_process(const struct procscan *scan, uint32_t tgid)
{
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "%u", tgid);
	fd = openat(dirfd(scan->proc), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -ESRCH : fd;
}

static int64_t own_boottime_offset(void)
{
	char text[256];
	ssize_t n = read_all(AT_FDCWD, "/proc/self/timens_offsets", text, sizeof(text));
	int64_t offset = 0;

	if (n > 0)
		(void)procfs_parse_boottime_offset(bytes_make(text, (size_t)n), &offset);
	return offset;
}

void procscan_init(struct procscan *scan)
{
	long ticks = sysconf(_SC_CLK_TCK);
	struct stat namespace;

	*scan = PROCSCAN_NULL;
	scan->tick_ns = 1000000000u / (uint64_t)(ticks > 0 ? ticks : 100);
	scan->boottime_offset = own_boottime_offset();
	if (stat("/proc/self/ns/pid", &namespace) == 0 && namespace.st_ino == INITIAL_PID_NAMESPACE)
		scan->proc = opendir("/proc");
}

void procscan_finish(struct procscan *scan)
{
	if (scan->proc)
		(void)closedir(scan->proc);
	*scan = PROCSCAN_NULL;
}

uint64_t procscan_now(const struct procscan *scan)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)(now.tv_sec * 1000000000 + now.tv_nsec - scan->boottime_offset);
}

void procscan_rewind(struct procscan *scan)
{
	if (scan->proc)
		rewinddir(scan->proc);
}

uint32_t procscan_next(struct procscan *scan)
{
	struct dirent *entry;

	while (scan->proc && (entry = readdir(scan->proc))) {
		uint64_t tgid;

		if (procfs_parse_number(bytes_from_string(entry->d_name), INT_MAX, &tgid) == 0 && tgid != 0)
			return (uint32_t)tgid;
	}
	return 0;
}

static int read_stat(int process, char text[TEXT_MAX], struct procfs_stat *ret)
{
	ssize_t n = read_all(process, "stat", text, TEXT_MAX);

	return n < 0 ? (int)n : procfs_parse_stat(bytes_make(text, (size_t)n), ret);
}

/* The time at which a tick began; what /proc shows includes the offset of the reader's time namespace. */
static uint64_t start_of(const struct procscan *scan, const struct procfs_stat *stat)
{
	return stat->start_ticks * scan->tick_ns - (uint64_t)scan->boottime_offset;
}

/* /proc rounds down to a tick after adding the offset, which need not be a whole number of ticks. */
static bool same_start(const struct procscan *scan, const struct procfs_stat *stat, uint64_t start_ns)
{
	return (start_ns + (uint64_t)scan->boottime_offset) / scan->tick_ns == stat->start_ticks;
}

static void append(struct event *event, enum event_string which, const char *data, size_t len, uint32_t max)
{
	if (len == 0) /* data may then be NULL */
		return;
	if (len > max)
		len = max;
	memcpy((char *)event + event->size, data, len);
	event->string_bytes[which] = (uint32_t)len;
	event->size += (uint32_t)len;
}

static uint32_t namespace_number(int process, const char *name)
{
	struct stat namespace;

	return fstatat(process, name, &namespace, 0) == 0 ? (uint32_t)namespace.st_ino : 0;
}

static void read_namespaces(int process, struct event *event)
{
	event->ns_mnt = namespace_number(process, "ns/mnt");
	event->ns_pid = namespace_number(process, "ns/pid");
	event->ns_net = namespace_number(process, "ns/net");
	event->ns_user = namespace_number(process, "ns/user");
	event->ns_uts = namespace_number(process, "ns/uts");
	event->ns_ipc = namespace_number(process, "ns/ipc");
	event->ns_cgroup = namespace_number(process, "ns/cgroup");
	event->ns_time = namespace_number(process, "ns/time");
}

static uint32_t read_id(int process, const char *name)
{
	char text[32];
	ssize_t n = read_all(process, name, text, sizeof(text));
	uint64_t id;

	if (n <= 0 || procfs_parse_number(bytes_make(text, (size_t)n), UINT32_MAX, &id) < 0)
		return UINT32_MAX;
	return (uint32_t)id;
}

static void read_status(int process, struct event *event)
{
	char text[TEXT_MAX];
	struct procfs_status status;
	ssize_t n = read_all(process, "status", text, sizeof(text));

	event->loginuid = read_id(process, "loginuid");
	event->session = read_id(process, "sessionid");
	if (n < 0 || procfs_parse_status(bytes_make(text, (size_t)n), &status) < 0)
		return;
	event->uid = status.uid[0], event->euid = status.uid[1], event->suid = status.uid[2], event->fsuid = status.uid[3];
	event->gid = status.gid[0], event->egid = status.gid[1], event->sgid = status.gid[2], event->fsgid = status.gid[3];
	event->ns_tgid = status.ns_tgid;
	event->cap_inheritable = status.cap_inheritable;
	event->cap_permitted = status.cap_permitted;
	event->cap_effective = status.cap_effective;
}

static void read_cgroup(int process, struct event *event)
{
	char text[TEXT_MAX];
	ssize_t n = read_all(process, "cgroup", text, sizeof(text));
	struct bytes path = n > 0 ? procfs_parse_cgroup(bytes_make(text, (size_t)n)) : BYTES_NULL;

	if (path.len > EVENT_CGROUP_MAX) { /* an intact tail */
		path = bytes_make(path.data + path.len - EVENT_CGROUP_MAX, EVENT_CGROUP_MAX);
		event->flags |= EVENT_CGROUP_TRUNCATED;
	}
	append(event, EVENT_CGROUP, path.data, path.len, EVENT_CGROUP_MAX);
}

/* Only that of our own UTS namespace can be asked for. */
static void read_nodename(int process, struct event *event)
{
	struct utsname name;

	if (event->ns_uts != 0 && event->ns_uts == namespace_number(AT_FDCWD, "/proc/self/ns/uts") && uname(&name) == 0)
		append(event, EVENT_NODENAME, name.nodename, strlen(name.nodename), EVENT_NODENAME_MAX);
}

/* What the kernel puts behind the path of what has lost its name. */
static const char deleted[] = " (deleted)";
#define DELETED_BYTES (sizeof(deleted) - 1)

static bool ends_as_deleted(const char *path, size_t len)
{
	return len > DELETED_BYTES && memcmp(path + len - DELETED_BYTES, deleted, DELETED_BYTES) == 0;
}

/* Whether the folder that a link leads to still has the last name of this path, which may really end so. It is looked for beside the folder, where no
 * mount and no other root is in the way. Links say less: overlays and cgroups count some of what is gone. They have to do where we may not look. */
static bool is_name_of_folder(int process, const char *link, const char *path, size_t len)
{
	char name[EVENT_PATH_MAX + sizeof("root/../")];
	const char *last = memrchr(path, '/', len);
	struct stat folder, named;
	int r;

	if (!last || attributes_get(process, link, &folder) < 0)
		return true;
	last++;
	(void)snprintf(name, sizeof(name), "%s/../%.*s", link, (int)(path + len - last), last);
	r = attributes_get(process, name, &named);
	if (r < 0)
		return r == -EACCES && folder.st_nlink > 0;
	return named.st_ino == folder.st_ino && named.st_dev == folder.st_dev;
}

/* A removed folder is told by the name that it had, as the kernel side does. */
static size_t read_folder(int process, const char *link, char path[EVENT_PATH_MAX])
{
	ssize_t n = readlinkat(process, link, path, EVENT_PATH_MAX);
	size_t len = n > 0 ? (size_t)n : 0;

	return ends_as_deleted(path, len) && !is_name_of_folder(process, link, path, len) ? len - DELETED_BYTES : len;
}

/* Links show paths from our root; what lies below the process's own root loses that beginning. */
static size_t cut_root(int process, char path[EVENT_PATH_MAX], size_t len)
{
	char root[EVENT_PATH_MAX];
	size_t top = read_folder(process, "root", root);

	if (top <= 1 || len < top || memcmp(path, root, top) != 0 || (len > top && path[top] != '/'))
		return len;
	if (len == top) { /* the root itself */
		path[0] = '/';
		return 1;
	}
	memmove(path, path + top, len - top);
	return len - top;
}

/* Whether this path, below the process's root, is that of its executable: a file can have other names when one is taken away, and a name can end like
 * one that was. */
static bool is_name_of_exe(int process, const char *path, size_t len, const struct event *event)
{
	char name[EVENT_PATH_MAX + 1];
	int root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat file;
	bool same;

	memcpy(name, path, len);
	name[len] = '\0';
	same = root >= 0 && attributes_get(root, name + (name[0] == '/'), &file) == 0 && file.st_ino == event->exe_inode &&
	       (major(file.st_dev) << 20 | minor(file.st_dev)) == event->exe_dev;
	if (root >= 0)
		(void)close(root);
	return same;
}

static size_t cut_deleted(int process, struct event *event, const char *path, size_t len)
{
	if (!ends_as_deleted(path, len) || is_name_of_exe(process, path, len, event))
		return len;
	event->flags |= EVENT_DELETED;
	return len - DELETED_BYTES;
}

static void read_exe(int process, struct event *event)
{
	static const char memfd[] = "/memfd:";
	char path[EVENT_PATH_MAX];
	ssize_t n = readlinkat(process, "exe", path, sizeof(path));
	struct stat file;
	size_t len;

	if (n <= 0 || attributes_get(process, "exe", &file) < 0)
		return;
	event->exe_inode = file.st_ino;
	event->exe_dev = major(file.st_dev) << 20 | minor(file.st_dev);
	event->exe_mode = file.st_mode;
	event->exe_nlink = (uint32_t)file.st_nlink;
	event->exe_ctime_ns = (uint64_t)file.st_ctim.tv_sec * 1000000000u + (uint64_t)file.st_ctim.tv_nsec;
	event->flags |= EVENT_EXE_KNOWN;
	len = cut_deleted(process, event, path, cut_root(process, path, (size_t)n));
	if (event->exe_nlink == 0 && len > sizeof(memfd) - 1 && memcmp(path, memfd, sizeof(memfd) - 1) == 0) {
		event->flags = (event->flags | EVENT_MEMFD) & ~(uint32_t)EVENT_DELETED;
		append(event, EVENT_EXE, path + 1, len - 1, EVENT_PATH_MAX);
		return;
	}
	append(event, EVENT_EXE, path, len, EVENT_PATH_MAX);
}

static void read_cwd(int process, struct event *event)
{
	char path[EVENT_PATH_MAX];
	size_t len = cut_root(process, path, read_folder(process, "cwd", path));

	if (len == 0)
		return;
	append(event, EVENT_CWD, path, len, EVENT_PATH_MAX);
	event->flags |= EVENT_CWD_KNOWN;
}

/* What of a file lies at and behind a place: its true length is told by reading alone. */
static uint64_t count_bytes(int process, const char *name, uint64_t from)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	char text[TEXT_MAX];
	uint64_t at = from;
	ssize_t n = 1;

	while (fd >= 0 && n > 0) {
		n = pread(fd, text, sizeof(text), (off_t)at);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return at - from;
}

/* Fills up to argv_max. The length is that of the area that exec made, as the kernel side tells it (0 = not known); a process that writes a longer
 * title shows more. A process that ends shows none, as if it had none: that is no knowledge. */
static void read_argv(int process, struct event *event, uint32_t argv_max, uint64_t area_bytes)
{
	char *to = (char *)event + event->size;
	ssize_t n = read_all(process, "cmdline", to, argv_max);

	if (n <= 0 || (event->flags & EVENT_ZOMBIE))
		return;
	event->string_bytes[EVENT_ARGV] = (uint32_t)n;
	event->size += (uint32_t)n;
	event->flags |= EVENT_ARGV_KNOWN;
	if (area_bytes)
		event->argv_bytes = area_bytes;
	if ((uint32_t)n == argv_max && event->argv_bytes <= argv_max)
		event->argv_bytes = argv_max + count_bytes(process, "cmdline", argv_max);
	if (event->argv_bytes < (uint32_t)n)
		event->argv_bytes = (uint32_t)n;
	if (event->argv_bytes > (uint32_t)n)
		event->flags |= EVENT_ARGV_TRUNCATED;
}

static void read_environ(int process, struct event *event)
{
	ssize_t n = event->flags & EVENT_ARGV_KNOWN ? read_all(process, "environ", (char *)event + event->size, EVENT_ENVIRON_MAX) : 0;

	if (n <= 0)
		return;
	event->string_bytes[EVENT_ENVIRON] = (uint32_t)n;
	event->size += (uint32_t)n;
}

static void read_last(const struct procscan *scan, int process, struct event *event, uint32_t argv_max, uint64_t area_bytes)
{
	read_argv(process, event, argv_max, area_bytes);
	if (scan->environ_)
		read_environ(process, event);
}

void procscan_add_argv(const struct procscan *scan, struct event *event, uint32_t argv_max)
{
	int process = scan->proc ? open_process(scan, event->tgid) : -ESRCH;
	char text[TEXT_MAX];
	struct procfs_stat stat;

	if (process < 0)
		return;
	if (read_stat(process, text, &stat) == 0 && same_start(scan, &stat, event->start_ns)) {
		gains_fill(process, event);
		read_last(scan, process, event, argv_max, stat.argv_bytes);
	}
	(void)close(process);
}

static uint64_t known_start(const struct procscan *scan, const struct known *known, const struct procfs_stat *stat)
{
	const struct known_slot *slot = known_find(known, stat->pid);

	return slot && same_start(scan, stat, slot->key.start_ns) ? slot->key.start_ns : start_of(scan, stat);
}

static void fill_parent(const struct procscan *scan, const struct known *known, struct event *event, uint32_t parent)
{
	const struct known_slot *slot = known_find(known, parent);
	int process = slot || parent == 0 ? -ESRCH : open_process(scan, parent);
	char text[TEXT_MAX];
	struct procfs_stat stat;

	event->parent_tgid = parent;
	if (slot)
		event->parent_start_ns = slot->key.start_ns;
	if (process < 0)
		return;
	if (read_stat(process, text, &stat) == 0)
		event->parent_start_ns = start_of(scan, &stat);
	(void)close(process);
}

static void fill_stat(struct event *event, const struct procfs_stat *stat)
{
	size_t len = stat->comm.len < EVENT_COMM_BYTES ? stat->comm.len : EVENT_COMM_BYTES - 1;

	event->tgid = event->tid = stat->pid;
	event->pgid = stat->pgid;
	event->sid = stat->sid;
	event->tty = stat->tty;
	memcpy(event->comm, stat->comm.data, len);
	if (stat->state == 'Z' || stat->state == 'X')
		event->flags |= EVENT_ZOMBIE;
}

static void read_rest(const struct procscan *scan, int process, struct event *event, uint32_t argv_max, uint64_t area_bytes)
{
	read_status(process, event);
	read_namespaces(process, event);
	read_cgroup(process, event);
	read_nodename(process, event);
	read_exe(process, event);
	gains_fill(process, event);
	read_cwd(process, event);
	read_last(scan, process, event, argv_max, area_bytes);
}

int procscan_read(const struct procscan *scan, uint32_t tgid, uint32_t argv_max, uint64_t before_ns,
		  const struct known *known, void *buffer)
{
	struct event *event = buffer;
	char text[TEXT_MAX];
	struct procfs_stat stat;
	int process = scan->proc ? open_process(scan, tgid) : -ESRCH;
	int r;

	if (process < 0)
		return process;
	r = read_stat(process, text, &stat);
	if (r == 0 && (stat.flags & PF_KTHREAD))
		r = PROCSCAN_E_KERNEL;
	else if (r == 0 && start_of(scan, &stat) + scan->tick_ns >= before_ns)
		r = PROCSCAN_E_YOUNG;
	if (r == 0) {
		memset(event, 0, sizeof(*event));
		event->size = sizeof(*event);
		event->type = EVENT_SNAPSHOT;
		event->time_ns = procscan_now(scan);
		event->start_ns = known_start(scan, known, &stat);
		fill_stat(event, &stat);
		fill_parent(scan, known, event, stat.parent);
		read_rest(scan, process, event, argv_max, stat.argv_bytes);
	}
	(void)close(process);
	return r;
}
