/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up what a program does not need: capabilities, new privileges, system calls. What sensor and collector have in
 * common; each has a confine() of its own that says what it needs beyond it. */
#ifndef CANOPY_PROTO_CONFINE_CONFINE_H
#define CANOPY_PROTO_CONFINE_CONFINE_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* Keeps these capabilities of whatever there was, in every set; count 0 = none. Who has none at all keeps to that without a system call.
 * Errors: -errno, -EINVAL. */
int confine_capabilities(const unsigned *kept, size_t count);

/* A filter that allows what every program on a loop needs: files by descriptor and path, sockets of the internet, of name
 * servers and of address selection, memory, threads, clocks, signals to itself. No exec, no fork, no mount, no module, no
 * ptrace; what is not allowed fails with EPERM. seccomp_release frees it. NULL without memory. */
scmp_filter_ctx confine_filter(void);
/* More calls; those that this machine's architecture does not have are skipped. Errors: -errno. */
int confine_allow(scmp_filter_ctx filter, const int *calls, size_t count);
/* A call with one of these values as its first argument. Errors: -errno. */
int confine_allow_values(scmp_filter_ctx filter, int call, const uint64_t *values, size_t count);
/* No new privileges for ever, and the filter for all threads, those that exist included. Errors: -errno. */
int confine_load(scmp_filter_ctx filter);

#endif
