/* SPDX-License-Identifier: Apache-2.0 */
/* OCSF's Common Process Identifier for Linux: what any other producer that follows the same specification computes for
 * the same process, so that its data can be joined with ours. See 'Common Process Identifier (CPID) Specification',
 * section Linux. */
#ifndef CANOPY_COLLECTOR_LAKE_CPID_H
#define CANOPY_COLLECTOR_LAKE_CPID_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/bytes.h"
#include "canopy/identity.h"

#define CPID_MAX 37 /* a UUID as text, with NUL */

/* start_ns: boottime of the start; ns_pid: inode of the innermost pid namespace; ns_tgid: tgid in it; arch: `uname -m`
 * of the host, since the specification hashes numbers as that machine keeps them. All of them must be known. Errors:
 * -ENOMEM, -EIO (libcrypto refused). */
int cpid_format(const struct boot_id *boot, uint32_t ns_pid, uint64_t start_ns, uint32_t ns_tgid, struct bytes arch,
		char out[CPID_MAX]);

/* 16 octets as a UUID in text. */
void cpid_uuid_format(const uint8_t octets[16], char out[CPID_MAX]);

#endif
