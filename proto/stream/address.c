/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing is done by hand and not by getaddrinfo, so that it can neither block nor touch the network; names are
 * resolved by the stream, on the loop's thread pool. */
#include "proto/stream/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	return -EINVAL;
}

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned value = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*text - '0');
	}
	if (value > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)value;
	return 0;
}

int address_parse(const char *text, struct address *ret, const char **ret_why)
{
	const char *colon = strrchr(text, ':'), *host = text, *end = colon;
	struct address address = {0};

	if (*text == '[') {
		host = text + 1;
		end = strchr(text, ']');
		if (!end)
			return fail(ret_why, "the closing ] is missing ([V6]:PORT)");
		if (end[1] != ':')
			return fail(ret_why, "the port is missing ([V6]:PORT)");
		colon = end + 1;
	} else if (!colon) {
		return fail(ret_why, "the port is missing (HOST:PORT)");
	} else if (memchr(text, ':', (size_t)(colon - text))) {
		return fail(ret_why, "an IPv6 address wants brackets ([V6]:PORT)");
	}
	if ((size_t)(end - host) > ADDRESS_HOST_MAX)
		return fail(ret_why, "the host name is longer than 255 bytes");
	if (parse_port(colon + 1, &address.port) < 0)
		return fail(ret_why, "the port is not a number from 0 to 65535");
	memcpy(address.host, host, (size_t)(end - host));
	*ret = address;
	return 0;
}

/* fe80::1%eth0: the zone is part of the address only for the host that writes it. */
static int parse_v6(const char *host, struct sockaddr_in6 *ret)
{
	const char *zone = strchr(host, '%');
	char text[INET6_ADDRSTRLEN];
	size_t len = zone ? (size_t)(zone - host) : strlen(host);

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, host, len);
	text[len] = '\0';
	if (inet_pton(AF_INET6, text, &ret->sin6_addr) != 1)
		return -EINVAL;
	ret->sin6_scope_id = zone ? if_nametoindex(zone + 1) : 0;
	return zone && ret->sin6_scope_id == 0 ? -EINVAL : 0;
}

int address_to_sockaddr(const struct address *address, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
	bool any = address->host[0] == '\0' || strcmp(address->host, "*") == 0;
	struct sockaddr_storage out = {0};

	if (any)
		v6.sin6_addr = in6addr_any;
	if (any || parse_v6(address->host, &v6) == 0)
		memcpy(&out, &v6, sizeof(v6));
	else if (inet_pton(AF_INET, address->host, &v4.sin_addr) == 1)
		memcpy(&out, &v4, sizeof(v4));
	else
		return -EINVAL;
	*ret = out;
	return 0;
}

static const struct sockaddr_in6 *as_v6(const struct sockaddr *address)
{
	return (const struct sockaddr_in6 *)(const void *)address;
}

static const struct sockaddr_in *as_v4(const struct sockaddr *address)
{
	return (const struct sockaddr_in *)(const void *)address;
}

/* IPv4 mapped into IPv6. */
static void copy_whole(const struct sockaddr *address, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (address->sa_family == AF_INET6) {
		memcpy(ret, &as_v6(address)->sin6_addr, 16);
	} else if (address->sa_family == AF_INET) {
		ret[10] = ret[11] = 0xff;
		memcpy(ret + 12, &as_v4(address)->sin_addr, 4);
	}
}

void address_format(const struct sockaddr *address, char *text)
{
	char host[INET6_ADDRSTRLEN] = "?";
	uint8_t key[16];

	copy_whole(address, key);
	if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&as_v6(address)->sin6_addr)) {
		(void)inet_ntop(AF_INET6, key, host, sizeof(host));
		(void)snprintf(text, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(as_v6(address)->sin6_port));
	} else if (address->sa_family == AF_INET6 || address->sa_family == AF_INET) {
		/* The port stands at the same place in both families. */
		(void)inet_ntop(AF_INET, key + 12, host, sizeof(host));
		(void)snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(as_v4(address)->sin_port));
	} else {
		(void)snprintf(text, ADDRESS_TEXT_MAX, "?");
	}
}

void address_key(const struct sockaddr *address, uint8_t ret[16])
{
	struct in6_addr v6;

	copy_whole(address, ret);
	memcpy(&v6, ret, sizeof(v6));
	if (!IN6_IS_ADDR_V4MAPPED(&v6) && !IN6_IS_ADDR_LOOPBACK(&v6))
		memset(ret + 8, 0, 8); /* what a host chooses by itself, and may choose anew for each connection */
}

bool address_is_loopback(const struct sockaddr *address)
{
	uint8_t key[16];
	struct in6_addr v6;

	copy_whole(address, key);
	memcpy(&v6, key, sizeof(v6));
	return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && key[12] == 127);
}
