/* SPDX-License-Identifier: Apache-2.0 */
/* Where to connect to or to listen on, as a person writes it: HOST:PORT, ADDR:PORT or [V6]:PORT. No I/O: a name stays a
 * name. */
#ifndef CANOPY_PROTO_STREAM_ADDRESS_H
#define CANOPY_PROTO_STREAM_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_HOST_MAX 255u /* bytes: RFC 1035, also more than any written IPv6 address with its zone */
#define ADDRESS_TEXT_MAX (ADDRESS_HOST_MAX + 16u) /* '[', ']', ':', five digits, NUL */

struct address {
	char host[ADDRESS_HOST_MAX + 1]; /* name or number, without brackets */
	uint16_t port;                   /* host byte order */
};

/* Splits text; the port is wanted, 0 is allowed. Returns 0 or -EINVAL, then *ret_why (may be NULL) is a static phrase
 * such as "the port is missing (HOST:PORT)". */
int address_parse(const char *text, struct address *ret, const char **ret_why);

/* Turns a numeric address into a socket address, without any lookup. "*" and "" mean every IPv6 and IPv4 address.
 * Errors: -EINVAL when host is a name. */
int address_to_sockaddr(const struct address *address, struct sockaddr_storage *ret);

/* Writes ADDR:PORT, IPv6 in brackets; an IPv4 address mapped into IPv6 is written as IPv4. text has ADDRESS_TEXT_MAX
 * bytes. */
void address_format(const struct sockaddr *address, char *text);

/* The key under which connections of one peer are counted, without the port: an IPv4 address mapped into IPv6, or the /64
 * of an IPv6 address, of which a single host has as many as it likes; loopback stays whole. */
void address_key(const struct sockaddr *address, uint8_t ret[16]);

bool address_is_loopback(const struct sockaddr *address);

#endif
