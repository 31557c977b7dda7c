/* SPDX-License-Identifier: Apache-2.0 */
/* Who this host is: what Hello and printed lines say of it. */
#ifndef CANOPY_SENSOR_IDENTITY_H
#define CANOPY_SENSOR_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/utsname.h>

#include "canopy/identity.h"

struct host_identity {
	struct boot_id boot;
	uint8_t machine_id[16];
	bool machine_id_known;   /* false where there is no /etc/machine-id */
	char machine_id_hex[33];
	struct utsname uname;    /* nodename = host name, release, machine */
};

/* Reads /proc/sys/kernel/random/boot_id, /etc/machine-id (or /var/lib/dbus/machine-id) and uname. Errors: -errno of the boot_id file,
 * -EBADMSG when it holds no UUID. Without a machine id the host is known by its boot alone. */
int host_identity_read(struct host_identity *ret);

/* Parses a UUID or 32 hex digits, with or without dashes, ended by NUL or newline. Returns 0 or -EBADMSG. */
int host_identity_parse_uuid(const char *text, uint8_t out[16]);

#endif
