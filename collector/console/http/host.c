/* SPDX-License-Identifier: Apache-2.0 */
/* A page whose own name was pointed at 127.0.0.1 (DNS rebinding) is of the same origin as we are, to the browser: only
 * the Host header tells it apart. */
#include "collector/console/http/host.h"

#include <stddef.h>
#include <strings.h>

/* Cuts ':PORT' off; brackets of IPv6 stay. */
static struct bytes without_port(struct bytes host)
{
	for (uint32_t i = host.len; i > 0; i--) {
		char c = host.data[i - 1];

		if (c == ':')
			return bytes_make(host.data, i - 1);
		if (c < '0' || c > '9')
			break;
	}
	return host;
}

static bool same_word(struct bytes a, struct bytes b)
{
	return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

bool host_is_local(struct bytes host, const char *address)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	struct bytes name = without_port(host);

	if (name.len == 0)
		return host.len == 0; /* HTTP/1.0 without a Host: no browser */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (same_word(name, bytes_from_string(names[i])))
			return true;
	return same_word(name, without_port(bytes_from_string(address)));
}
