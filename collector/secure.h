/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, revocations and tokens of the collector: read at start, and again when their files change, on SIGHUP, or
 * when an admin asks for it. */
#ifndef CANOPY_COLLECTOR_SECURE_H
#define CANOPY_COLLECTOR_SECURE_H

#include "collector/console/http/tokens.h"
#include "collector/options.h"
#include "proto/stream/tls-context.h"

struct secure {
	struct tls_context *sensors; /* mutual; NULL = in the clear */
	struct tls_context *console; /* NULL = in the clear */
	struct tokens *tokens;       /* NULL = everybody may ask */
};

/* Errors as tls_context_create and tokens_open. What was opened is freed by secure_finish in any case. */
int secure_open(struct secure *ret, const struct collector_options *options, char **ret_why);
void secure_finish(struct secure *secure);

/* Looks whether files have changed, and logs what came of it. */
void secure_refresh(struct secure *secure);
/* Reads all files again. The first failure is returned with a malloc'ed *ret_why; what failed stays as it was. Logs. */
int secure_reload(struct secure *secure, char **ret_why);

#endif
