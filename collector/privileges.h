/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up what the collector does not need, before it opens anything: root, every capability, and the system calls of
 * other kinds of programs. */
#ifndef CANOPY_COLLECTOR_PRIVILEGES_H
#define CANOPY_COLLECTOR_PRIVILEGES_H

/* Becomes this user with its groups, for good; a state folder that is not there yet is made for it. Only root can. Errors:
 * -errno, -EPERM, -ENOENT (no such user), -EINVAL (root is no user to become); *ret_why is then a malloc'ed sentence with
 * the remedy. */
int privileges_become(const char *user, const char *state, char **ret_why);

/* No capability, no new privileges, and a filter of system calls: no exec, no fork, no mount, no module, no ptrace, no BPF;
 * what is not allowed fails with EPERM. Before the first thread. Errors: -errno, *ret_what then names the step. */
int privileges_drop(const char **ret_what);

#endif
