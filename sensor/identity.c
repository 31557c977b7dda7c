/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the identity files of the host. They are tiny, so each is read whole by one call. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sensor/identity.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int host_identity_parse_uuid(const char *text, uint8_t out[16])
{
	uint8_t octets[16] = {0};
	unsigned nibbles = 0;

	for (; *text && *text != '\n'; text++) {
		int digit = hex_digit(*text);

		if (*text == '-')
			continue;
		if (digit < 0 || nibbles == 32)
			return -EBADMSG;
		octets[nibbles / 2] = (uint8_t)(octets[nibbles / 2] << 4 | digit);
		nibbles++;
	}
	if (nibbles != 32)
		return -EBADMSG;
	memcpy(out, octets, sizeof(octets));
	return 0;
}

static int read_uuid(const char *path, uint8_t out[16])
{
	char text[64];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (len < 0)
		return -EIO;
	text[len] = '\0';
	return host_identity_parse_uuid(text, out);
}

int host_identity_read(struct host_identity *ret)
{
	struct host_identity identity = {0};
	int r = read_uuid("/proc/sys/kernel/random/boot_id", identity.boot.octets);

	if (r < 0)
		return r;
	if (uname(&identity.uname) < 0)
		return -errno;
	identity.machine_id_known = read_uuid("/etc/machine-id", identity.machine_id) == 0 ||
				    read_uuid("/var/lib/dbus/machine-id", identity.machine_id) == 0;
	for (unsigned i = 0; identity.machine_id_known && i < 16; i++)
		(void)snprintf(identity.machine_id_hex + 2 * i, 3, "%02x", identity.machine_id[i]);
	*ret = identity;
	return 0;
}
