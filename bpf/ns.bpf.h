/* SPDX-License-Identifier: GPL-2.0-only */
/* Namespaces and node name. */
#ifndef CANOPY_BPF_NS_H
#define CANOPY_BPF_NS_H

#include "maps.bpf.h"

#define NS_NUMBER(way, proxy, member)                                                                                  \
	({                                                                                                             \
		__typeof__((proxy)->member) namespace_ = GET(way, proxy, member);                                      \
		namespace_ ? GET(way, namespace_, ns.inum) : 0;                                                        \
	})

/* The first two strings of every record are the cgroup and then this node name, in that order. */
INLINE void fill_namespaces(enum way way, struct draft *draft, uint32_t room, struct task_struct *task)
{
	struct nsproxy *proxy = GET(way, task, nsproxy);
	struct event *event = &draft->event;
	struct uts_namespace *uts;
	uint64_t at = draft->at;
	long bytes;

	if (!proxy)
		return; /* a dying task has none any more */
	uts = GET(way, proxy, uts_ns);
	event->ns_uts = GET(way, uts, ns.inum);
	event->ns_ipc = NS_NUMBER(way, proxy, ipc_ns);
	event->ns_mnt = NS_NUMBER(way, proxy, mnt_ns);
	event->ns_net = NS_NUMBER(way, proxy, net_ns);
	event->ns_cgroup = NS_NUMBER(way, proxy, cgroup_ns);
	if (bpf_core_field_exists(((struct time_namespace *)0)->ns))
		event->ns_time = NS_NUMBER(way, proxy, time_ns);
	if (BEYOND(at, room - (EVENT_NODENAME_MAX + 1)))
		return;
	bytes = bpf_probe_read_kernel_str((char *)event + at, EVENT_NODENAME_MAX + 1,
					  __builtin_preserve_access_index(&uts->name.nodename));
	if (bytes <= 1)
		return;
	event->string_bytes[EVENT_NODENAME] = bytes - 1;
	draft->at = at + bytes - 1;
}

#endif
