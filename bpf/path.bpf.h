/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths as the process sees them: across mounts, up to its own root. bpf_d_path() is refused in these programs, so the walk
 * is done by hand; it takes no locks, and a rename in the same microsecond can mix old and new names. */
#ifndef CANOPY_BPF_PATH_H
#define CANOPY_BPF_PATH_H

#include "maps.bpf.h"

#define PATH_COMPONENTS_MAX 128 /* and mounts crossed; deeper paths keep their tail. Bounds the work of 5.10's verifier */
#define PATH_NAME_MAX 255

/* d_parent and d_name stand side by side in every kernel, one read fetches both. */
struct dentry_links {
	struct dentry *parent;
	uint32_t hash, len;
	const unsigned char *name;
};

enum walk_step { WALK_ON, WALK_ARRIVED, WALK_CUT };

INLINE int read_links(struct dentry_links *links, struct dentry *dentry)
{
	return bpf_core_read(links, sizeof(*links), &dentry->d_parent);
}

/* Steps from the root of a mount to the place that it is mounted on. */
INLINE enum walk_step walk_cross(struct walk *walk)
{
	struct mount *mount = (void *)((char *)walk->mount - bpf_core_field_offset(struct mount, mnt));
	struct mount *parent = GET(PROBED, mount, mnt_parent);
	struct vfsmount *above = __builtin_preserve_access_index(&parent->mnt);

	if (!parent || parent == mount)
		return WALK_ARRIVED; /* root of the mount namespace */
	walk->dentry = GET(PROBED, mount, mnt_mountpoint);
	walk->mount = above;
	walk->mount_root = GET(PROBED, above, mnt_root);
	return WALK_ON;
}

/* Puts one name with its slash before what large->path holds already. */
INLINE enum walk_step walk_name(struct large_draft *large, const struct dentry_links *links)
{
	uint64_t at = large->walk.path_at, len = links->len;

	if (len > PATH_NAME_MAX || at < len + 1)
		return WALK_CUT;
	at -= len + 1;
	PIN(at);
	at &= EVENT_PATH_MAX - 1;
	large->walk.path_at = at;
	PIN(len);
	len &= PATH_NAME_MAX;
	large->path[at] = '/';
	return bpf_probe_read_kernel(&large->path[at + 1], len, links->name) ? WALK_CUT : WALK_ON;
}

INLINE enum walk_step walk_up(struct large_draft *large)
{
	struct walk *walk = &large->walk;
	struct dentry_links links;
	enum walk_step step;

	if (walk->dentry == walk->root.dentry && walk->mount == walk->root.mnt)
		return WALK_ARRIVED;
	if (walk->dentry == walk->mount_root)
		return walk_cross(walk);
	if (read_links(&links, walk->dentry))
		return WALK_CUT;
	if (links.parent == walk->dentry)
		return WALK_ARRIVED; /* detached: no way to any root */
	step = walk_name(large, &links);
	walk->dentry = links.parent;
	return step;
}

/* Appends the path of walk.from to the record of this slot. Returns 1 when it is only a tail. Not inlined and not static, so that
 * it is verified once by itself; that is why it takes a number and not a pointer (5.10). */
__attribute__((noinline)) int append_walk(uint32_t slot)
{
	struct large_draft *large = large_draft(slot);
	enum walk_step step = WALK_ON;
	struct vfsmount *mount;
	uint64_t at;

	if (!large)
		return 1;
	mount = large->walk.from.mnt;
	large->walk.dentry = large->walk.from.dentry;
	large->walk.mount = mount;
	large->walk.mount_root = GET(PROBED, mount, mnt_root);
	large->walk.path_at = EVENT_PATH_MAX;
	for (int i = 0; i < PATH_COMPONENTS_MAX && step == WALK_ON; i++)
		step = walk_up(large);
	if (large->walk.path_at == EVENT_PATH_MAX) { /* the root itself has no name */
		large->path[EVENT_PATH_MAX - 1] = '/';
		large->walk.path_at = EVENT_PATH_MAX - 1;
	}
	at = large->walk.path_at & (EVENT_PATH_MAX - 1);
	PIN(at);
	large->walk.appended = draft_append(&large->draft, LARGE_ROOM, &large->path[at & (EVENT_PATH_MAX - 1)],
					    EVENT_PATH_MAX - at, EVENT_PATH_MAX);
	return step != WALK_ARRIVED;
}

/* Notes the root of the task, which every path of it ends at. */
INLINE void fill_root(enum way way, struct large_draft *large, struct task_struct *task)
{
	struct fs_struct *fs = GET(way, task, fs);

	__builtin_memset(&large->walk.root, 0, sizeof(large->walk.root));
	if (fs)
		(void)bpf_core_read(&large->walk.root, sizeof(large->walk.root), &fs->root);
}

INLINE void fill_cwd(enum way way, struct large_draft *large, struct task_struct *task)
{
	struct event *event = &large->draft.event;
	struct fs_struct *fs = GET(way, task, fs);

	if (!fs || bpf_core_read(&large->walk.from, sizeof(large->walk.from), &fs->pwd))
		return;
	event->flags |= EVENT_CWD_KNOWN;
	if (append_walk(large->draft.slot))
		event->flags |= EVENT_CWD_TRUNCATED;
	event->string_bytes[EVENT_CWD] = large->walk.appended;
}

#endif
