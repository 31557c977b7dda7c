/* SPDX-License-Identifier: GPL-2.0-only */
/* Credentials, and what an exec gained by them. */
#ifndef CANOPY_BPF_CREDS_H
#define CANOPY_BPF_CREDS_H

#include "maps.bpf.h"

INLINE uint64_t capabilities(const struct capabilities *from)
{
	uint64_t bits = 0;

	(void)bpf_probe_read_kernel(&bits, sizeof(bits), from);
	return bits;
}

INLINE void fill_audit(enum way way, struct event *event, struct task_struct *task)
{
	event->loginuid = event->session = UINT32_MAX;
	if (bpf_core_field_exists(task->loginuid))
		event->loginuid = GET(way, task, loginuid.val);
	if (bpf_core_field_exists(task->sessionid))
		event->session = GET(way, task, sessionid);
}

INLINE void fill_creds(enum way way, struct event *event, struct task_struct *task)
{
	struct cred *cred = GET(way, task, real_cred);
	struct user_namespace *ns = GET(way, cred, user_ns);

	event->uid = GET(way, cred, uid.val);
	event->gid = GET(way, cred, gid.val);
	event->suid = GET(way, cred, suid.val);
	event->sgid = GET(way, cred, sgid.val);
	event->euid = GET(way, cred, euid.val);
	event->egid = GET(way, cred, egid.val);
	event->fsuid = GET(way, cred, fsuid.val);
	event->fsgid = GET(way, cred, fsgid.val);
	event->cap_inheritable = capabilities(__builtin_preserve_access_index(&cred->cap_inheritable));
	event->cap_permitted = capabilities(__builtin_preserve_access_index(&cred->cap_permitted));
	event->cap_effective = capabilities(__builtin_preserve_access_index(&cred->cap_effective));
	event->ns_user = GET(way, ns, ns.inum);
	fill_audit(way, event, task);
}

/* Root of the task's user namespace in the numbers of the initial one. */
INLINE uint32_t namespace_root(enum way way, struct cred *cred)
{
	struct user_namespace *ns = GET(way, cred, user_ns);

	if (GET(way, ns, level) == 0)
		return 0;
	if (GET(way, ns, uid_map.nr_extents) == 0 || GET(way, ns, uid_map.extent[0].first) != 0)
		return UINT32_MAX;
	return GET(way, ns, uid_map.extent[0].lower_first);
}

/* What the exec that has just happened gained. The old credentials are gone by now, so it is told from the new ones and from
 * what the kernel would have heeded: mode bits, nosuid, no_new_privs. */
INLINE void fill_gains(enum way way, struct event *event, struct task_struct *task, int mount_flags)
{
	struct cred *cred = GET(way, task, real_cred);
	uint32_t root;

	if ((mount_flags & MNT_NOSUID) || (GET(way, task, atomic_flags) & (1ul << PFA_NO_NEW_PRIVS)))
		return;
	if ((event->exe_mode & S_ISUID) && event->euid != event->uid)
		event->flags |= EVENT_SETUID;
	if ((event->exe_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && event->egid != event->gid)
		event->flags |= EVENT_SETGID;
	root = namespace_root(way, cred);
	if (event->euid == root || event->uid == root)
		return; /* root's capabilities come from being root */
	if (event->cap_permitted & ~capabilities(__builtin_preserve_access_index(&cred->cap_ambient)))
		event->flags |= EVENT_FILECAP;
}

#endif
