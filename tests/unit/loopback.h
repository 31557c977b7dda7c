/* SPDX-License-Identifier: Apache-2.0 */
/* A loopback address of this process's own: a port there that is free again, or taken again, is not one that another test has got meanwhile. */
#ifndef CANOPY_TESTS_UNIT_LOOPBACK_H
#define CANOPY_TESTS_UNIT_LOOPBACK_H

#include <arpa/inet.h>
#include <stdint.h>
#include <unistd.h>

#define LOOPBACK_MAX 16 /* bytes of the text, with its end */

/* 127.128.0.0 and above; those below are the scripts' and those of peers with an address each. In network order, and as text in ret. */
static inline in_addr_t loopback_own(char ret[LOOPBACK_MAX])
{
	struct in_addr address = {htonl(0x7f800000u | ((uint32_t)getpid() & 0x3fffff))};

	(void)inet_ntop(AF_INET, &address, ret, LOOPBACK_MAX);
	return address.s_addr;
}

#endif
