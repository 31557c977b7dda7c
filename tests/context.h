/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a struct fact_context that the made-up hosts of tests and benches have in common, for its initialiser. */
#ifndef CANOPY_TESTS_CONTEXT_H
#define CANOPY_TESTS_CONTEXT_H

/* Somebody who has nobody else's rights. */
#define CONTEXT_IDS(uid_, gid_)                                                                                        \
	.uid = (uid_), .euid = (uid_), .suid = (uid_), .fsuid = (uid_), .gid = (gid_), .egid = (gid_), .sgid = (gid_),     \
	.fsgid = (gid_)

/* The namespaces that a machine begins with, as most of them number these. */
#define CONTEXT_NAMESPACES                                                                                             \
	.ns_mnt = 4026531841u, .ns_pid = 4026531836u, .ns_net = 4026531840u, .ns_user = 4026531837u,                       \
	.ns_uts = 4026531838u, .ns_ipc = 4026531839u, .ns_cgroup = 4026531835u, .ns_time = 4026531834u

/* A person at a build machine. */
#define CONTEXT_BUILDER                                                                                                \
	CONTEXT_IDS(1000, 1000), CONTEXT_NAMESPACES, .loginuid = 1000, .session = 3,                                        \
	.cgroup = {"/user.slice/user-1000.slice/session-3.scope", 43}, .user = {"builder", 7}

#endif
