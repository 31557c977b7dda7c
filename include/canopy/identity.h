/* SPDX-License-Identifier: Apache-2.0 */
/* Identities of host boots and processes.
 *
 * A host boot is the kernel's random boot_id (/proc/sys/kernel/random/boot_id). A process is
 * (boot_id, tgid, start_boottime_ns), both numbers as the kernel keeps them for the thread-group leader:
 * the tgid is what one looks up, the start time makes it safe against pid reuse. */
#ifndef CANOPY_IDENTITY_H
#define CANOPY_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BOOT_ID_BYTES 16

struct boot_id {
	uint8_t octets[BOOT_ID_BYTES];
};

/* A process within one host boot. tgid 0 means 'none' or 'unknown' (pid 0 is the idle task, never a process
 * that is recorded). start_ns 0 with a tgid means that the start time is not known. */
struct process_key {
	uint64_t start_ns; /* task->start_boottime of the leader, nanoseconds since boot */
	uint32_t tgid;     /* in the initial pid namespace */
};

static inline bool boot_id_equal(const struct boot_id *a, const struct boot_id *b)
{
	return memcmp(a->octets, b->octets, BOOT_ID_BYTES) == 0;
}

static inline bool process_key_equal(struct process_key a, struct process_key b)
{
	return a.tgid == b.tgid && a.start_ns == b.start_ns;
}

#endif
