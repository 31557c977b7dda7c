/* SPDX-License-Identifier: Apache-2.0 */
/* 40 bytes (boot UUID, pid namespace, start in clock ticks, tgid in that namespace) through SHA-256; the first 16 bytes
 * of the digest become a UUID of version 8. */
#include "collector/lake/cpid.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/evp.h>

#define CLOCK_TICK_NS 10000000u /* USER_HZ is 100 on every architecture that has eBPF */

static bool is_big_endian(struct bytes arch)
{
	static const char *const names[] = {"s390x", "ppc64", "mips64", "sparc64", "aarch64_be"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (bytes_equal(arch, bytes_from_string(names[i])))
			return true;
	return false;
}

static void put_number(uint8_t *at, uint64_t value, bool big)
{
	for (unsigned i = 0; i < 8; i++)
		at[big ? 7 - i : i] = (uint8_t)(value >> (8 * i));
}

void cpid_uuid_format(const uint8_t octets[16], char out[CPID_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[octets[i] >> 4];
		*out++ = digits[octets[i] & 15];
	}
	*out = '\0';
}

int cpid_format(const struct boot_id *boot, uint32_t ns_pid, uint64_t start_ns, uint32_t ns_tgid, struct bytes arch,
		char out[CPID_MAX])
{
	uint8_t input[40], digest[EVP_MAX_MD_SIZE];
	bool big = is_big_endian(arch);

	memcpy(input, boot->octets, 16);
	put_number(input + 16, ns_pid, big);
	put_number(input + 24, start_ns / CLOCK_TICK_NS, big);
	put_number(input + 32, ns_tgid, big);
	if (!EVP_Digest(input, sizeof(input), digest, NULL, EVP_sha256(), NULL))
		return -EIO;
	digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80); /* version 8 */
	digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
	cpid_uuid_format(digest, out);
	return 0;
}
