/* SPDX-License-Identifier: GPL-2.0-only */
/* The image of a process: its executable, the script that chose it, its arguments. */
#ifndef CANOPY_BPF_IMAGE_H
#define CANOPY_BPF_IMAGE_H

#include "path.bpf.h"

#define CTIME_QUERIED (1u << 31) /* I_CTIME_QUERIED, from 6.13 on: a mark that shares the word with the nanoseconds */

INLINE uint64_t change_time(enum way way, struct inode *inode)
{
	struct inode___v6_6 *older = (void *)inode;
	struct inode___v5 *oldest = (void *)inode;
	struct timespec64 time = {};

	if (bpf_core_field_exists(inode->i_ctime_sec)) { /* 3aa63a569c64, 6.11 */
		PIN(inode);
		return GET(way, inode, i_ctime_sec) * 1000000000ull + (GET(way, inode, i_ctime_nsec) & ~CTIME_QUERIED);
	}
	if (bpf_core_field_exists(older->__i_ctime)) { /* 13bc24457850, 6.6 */
		PIN(older);
		(void)bpf_core_read(&time, sizeof(time), &older->__i_ctime);
	} else {
		PIN(oldest);
		(void)bpf_core_read(&time, sizeof(time), &oldest->i_ctime);
	}
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* Whether the file lies in the upper layer of its overlay. Where overlay is a module, its structure may be unknown to the
 * loader; the upper dentry then follows the inode, as it does in every kernel. */
INLINE bool in_upper_layer(enum way way, struct inode *inode, struct super_block *super)
{
	struct dentry *upper = NULL;
	uint64_t place = (uint64_t)inode;

	if (GET(way, super, s_magic) != OVERLAYFS_SUPER_MAGIC)
		return false;
	if (bpf_core_field_exists(((struct ovl_inode *)0)->__upperdentry))
		place += bpf_core_field_offset(struct ovl_inode, __upperdentry) -
			 bpf_core_field_offset(struct ovl_inode, vfs_inode);
	else
		place += bpf_core_type_size(struct inode);
	(void)bpf_probe_read_kernel(&upper, sizeof(upper), (const void *)place);
	return upper;
}

INLINE void fill_inode(enum way way, struct event *event, struct file *file)
{
	struct inode *inode = GET(way, file, f_inode);
	struct super_block *super = GET(way, inode, i_sb);

	event->exe_inode = GET(way, inode, i_ino);
	event->exe_mode = GET(way, inode, i_mode);
	event->exe_nlink = GET(way, inode, i_nlink);
	event->exe_ctime_ns = change_time(way, inode);
	event->exe_dev = GET(way, super, s_dev);
	if (in_upper_layer(way, inode, super))
		event->flags |= EVENT_UPPER;
}

/* An anonymous memory file is a dentry of its own, without parent, that the kernel names memfd:NAME. */
INLINE bool append_memfd(struct large_draft *large, const struct dentry_links *links)
{
	static const char prefix[] = "memfd:";
	struct event *event = &large->draft.event;
	uint64_t len = links->len;
	char *text = large->path;

	if (BEYOND(len, PATH_NAME_MAX + 1) || len < sizeof(prefix) - 1)
		return false;
	if (bpf_probe_read_kernel(text, len, links->name))
		return false;
	for (uint32_t i = 0; i < sizeof(prefix) - 1; i++)
		if (text[i] != prefix[i])
			return false;
	event->string_bytes[EVENT_EXE] = draft_append(&large->draft, LARGE_ROOM, text, len, PATH_NAME_MAX + 1);
	event->flags |= EVENT_MEMFD;
	return true;
}

/* Returns the flags of the mount that the executable was found on. */
INLINE int fill_exe(enum way way, struct large_draft *large, struct file *file)
{
	struct event *event = &large->draft.event;
	struct path *from = &large->walk.from;
	struct dentry_links links;
	struct dentry *dentry;
	struct vfsmount *mount;

	if (bpf_core_read(from, sizeof(*from), &file->f_path) || read_links(&links, from->dentry))
		return 0;
	fill_inode(way, event, file);
	event->flags |= EVENT_EXE_KNOWN;
	dentry = from->dentry;
	mount = from->mnt;
	if (links.parent == dentry && append_memfd(large, &links))
		return 0;
	if (append_walk(large->draft.slot))
		event->flags |= EVENT_EXE_TRUNCATED;
	event->string_bytes[EVENT_EXE] = large->walk.appended;
	if (!GET(PROBED, dentry, d_hash.pprev) || event->exe_nlink == 0)
		event->flags |= EVENT_DELETED;
	return GET(PROBED, mount, mnt_flags);
}

/* Appends a NUL-terminated kernel string without its NUL. */
INLINE uint32_t append_string(struct large_draft *large, const char *from, uint32_t max)
{
	uint64_t at = large->draft.at;
	long bytes;

	if (BEYOND(at, LARGE_ROOM - max - 1))
		return 0;
	bytes = bpf_probe_read_kernel_str((char *)&large->draft.event + at, max + 1, from);
	if (bytes <= 1)
		return 0;
	large->draft.at = at + bytes - 1;
	return bytes - 1;
}

/* The cwd, already in the record, and a slash: what a relative name is below. */
INLINE uint32_t append_cwd_again(struct large_draft *large)
{
	struct event *event = &large->draft.event;
	uint64_t begin = sizeof(*event) + event->string_bytes[EVENT_CGROUP] + event->string_bytes[EVENT_NODENAME] +
			 event->string_bytes[EVENT_EXE];
	uint64_t len = event->string_bytes[EVENT_CWD], at;

	if (len == 0)
		return 0;
	if (BEYOND(begin, LARGE_ROOM - EVENT_PATH_MAX))
		return 0;
	len = draft_append(&large->draft, LARGE_ROOM, (char *)event + begin, len, EVENT_PATH_MAX);
	at = large->draft.at;
	if (len <= 1 || BEYOND(at, LARGE_ROOM - 1))
		return len; /* "/" ends in its slash already */
	((char *)event)[at] = '/';
	large->draft.at = at + 1;
	return len + 1;
}

/* When the kernel followed a #! line (or binfmt_misc), interp names another file than the one asked for. */
INLINE void fill_script(enum way way, struct large_draft *large, struct linux_binprm *bprm)
{
	const char *filename = GET(way, bprm, filename), *interpreter = GET(way, bprm, interp);
	struct event *event = &large->draft.event;
	uint32_t len = 0;
	char head[3] = {};

	if (filename == interpreter || bpf_probe_read_kernel_str(head, sizeof(head), filename) < 0)
		return;
	if (head[0] != '/') {
		len = append_cwd_again(large);
		if (head[0] == '.' && head[1] == '/')
			filename += 2;
	}
	event->string_bytes[EVENT_SCRIPT] = len + append_string(large, filename, EVENT_PATH_MAX);
	event->string_bytes[EVENT_INTERPRETER] = append_string(large, interpreter, EVENT_INTERPRETER_MAX);
}

/* Arguments of the current process, byte for byte. Only the environment stands behind them. */
INLINE void fill_argv(enum way way, struct large_draft *large, struct mm_struct *mm)
{
	uint64_t start = GET(way, mm, arg_start), end = GET(way, mm, arg_end);
	struct event *event = &large->draft.event;
	uint64_t at = large->draft.at, len, max = argv_max;

	if (end < start)
		return;
	event->argv_bytes = end - start;
	len = event->argv_bytes > max ? max : event->argv_bytes;
	if (BEYOND(at, LARGE_ROOM - EVENT_ARGV_MAX) || BEYOND(len, EVENT_ARGV_MAX))
		return;
	if (bpf_probe_read_user((char *)event + at, len, (const void *)start))
		return; /* paged out already: the length is told, the bytes are not */
	event->string_bytes[EVENT_ARGV] = len;
	large->draft.at = at + len;
	event->flags |= EVENT_ARGV_KNOWN | (len < event->argv_bytes ? EVENT_ARGV_TRUNCATED : 0);
}

/* The beginning of the environment of the current process. */
INLINE void fill_environ(enum way way, struct large_draft *large, struct mm_struct *mm)
{
	uint64_t at = large->draft.at, start, end, len, max = environ_max;

	if (max == 0)
		return;
	start = GET(way, mm, env_start);
	end = GET(way, mm, env_end);
	if (end < start)
		return;
	len = end - start > max ? max : end - start;
	if (BEYOND(at, LARGE_ROOM - EVENT_ENVIRON_MAX) || BEYOND(len, EVENT_ENVIRON_MAX))
		return;
	if (bpf_probe_read_user((char *)&large->draft.event + at, len, (const void *)start))
		return;
	large->draft.event.string_bytes[EVENT_ENVIRON] = len;
	large->draft.at = at + len;
}

#endif
