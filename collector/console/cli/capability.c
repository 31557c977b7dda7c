/* SPDX-License-Identifier: Apache-2.0 */
/* In the order of linux/capability.h, so that the place is the number. */
#include <ctype.h>
#include <stdint.h>

#include "collector/console/cli/capability.h"

static const char *const names[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
	"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
	"ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
	"block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

void capability_add_names(struct bytes hex, struct text *out)
{
	uint64_t set = 0, all = (UINT64_C(1) << NAMES) - 1;
	const char *comma = "";

	for (uint32_t i = 0; i < hex.len && isxdigit((unsigned char)hex.data[i]); i++)
		set = set << 4 | (uint64_t)(isdigit((unsigned char)hex.data[i]) ? hex.data[i] - '0'
										: (hex.data[i] | 0x20) - 'a' + 10);
	/* older kernels know fewer: every set without a hole that reaches cap 37, the youngest of 5.7 and before, is
	 * all of theirs */
	if (set == 0 || ((set & (set + 1)) == 0 && set >= all >> 3 && set <= all)) {
		text_puts(out, set ? "all" : "none");
		return;
	}
	/* of a root without a few, the few are of interest */
	if (set <= all && __builtin_popcountll(set) > (int)NAMES / 2) {
		text_puts(out, "all but ");
		set = all & ~set;
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(set >> bit & 1))
			continue;
		if (bit < NAMES)
			text_printf(out, "%s%s", comma, names[bit]);
		else
			text_printf(out, "%s%u", comma, bit);
		comma = " ";
	}
}
