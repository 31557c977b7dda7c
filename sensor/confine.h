/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up what is no longer needed: once the hooks are attached and the spool is open, the sensor reads a ring, writes files that it has a folder
 * for, and talks to one address. */
#ifndef CANOPY_SENSOR_CONFINE_H
#define CANOPY_SENSOR_CONFINE_H

#include <stdbool.h>

/* Keeps two capabilities of whatever there was, in every set: CAP_BPF (kernels before 5.19 ask for it on each map lookup; newer ones to begin another snapshot)
 * and CAP_SYS_PTRACE (to read exe and cwd of other users' processes in a snapshot by /proc); with environ_ CAP_DAC_READ_SEARCH, too, without which
 * /proc/PID/environ of other users cannot be opened. Then no new privileges can be gained and the calls are confined. Threads that exist already are
 * included; call it once. Errors: -errno, *ret_what then names the step. */
int confine(bool environ_, const char **ret_what);

/* The second half of it, which needs no privilege: a seccomp filter that allows only the system calls of a running sensor: no exec, no fork, no mount, no
 * module, no ptrace; BPF only to read maps and iterate. Others fail with EPERM. Errors: -errno. */
int confine_calls(void);

#endif
