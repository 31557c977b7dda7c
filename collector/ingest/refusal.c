/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/refusal.h"

#include <stdarg.h>
#include <stdio.h>

int refusal_make(struct ingest_refusal *ret, enum reject_code code, uint32_t retry_after_ms, const char *format, ...)
{
	va_list args;

	*ret = (struct ingest_refusal){.code = code, .retry_after_ms = retry_after_ms};
	va_start(args, format);
	(void)vsnprintf(ret->reason, sizeof(ret->reason), format, args);
	va_end(args);
	return INGEST_E_REFUSED;
}

int refusal_memory(struct ingest_refusal *ret)
{
	return refusal_make(ret, REJECT_UNAVAILABLE, INGEST_RETRY_MS,
		      "the collector is out of memory; give it more or fewer hosts");
}
