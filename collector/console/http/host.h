/* SPDX-License-Identifier: Apache-2.0 */
/* Who a request was addressed to. */
#ifndef CANOPY_COLLECTOR_CONSOLE_HTTP_HOST_H
#define CANOPY_COLLECTOR_CONSOLE_HTTP_HOST_H

#include <stdbool.h>

#include "canopy/bytes.h"

/* Whether a Host header may name a server that listens on loopback at address: localhost, a loopback number, or address
 * itself, with any port; also no header at all (HTTP/1.0: no browser). */
bool host_is_local(struct bytes host, const char *address);

#endif
