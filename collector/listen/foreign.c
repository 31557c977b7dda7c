/* SPDX-License-Identifier: Apache-2.0 */
/* The first frame, a Hello, has the flag byte 0 or 1 (as it is, or with zlib: what else there is was not agreed on yet).
 * No text and no TLS record begins so: one byte tells that it is none of ours. */
#include "collector/listen/foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "canopy/bytes.h"

static const struct bytes methods[] = {
    BYTES_LITERAL("GET "),    BYTES_LITERAL("HEAD "),    BYTES_LITERAL("POST "),  BYTES_LITERAL("PUT "),
    BYTES_LITERAL("DELETE "), BYTES_LITERAL("OPTIONS "), BYTES_LITERAL("PATCH "), BYTES_LITERAL("CONNECT "),
    BYTES_LITERAL("TRACE "),  BYTES_LITERAL("PRI * "),
};

static enum foreign judge_text(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		size_t common = len < methods[i].len ? len : methods[i].len;

		if (memcmp(data, methods[i].data, common) == 0)
			return common == methods[i].len ? FOREIGN_HTTP : FOREIGN_MAYBE;
	}
	return FOREIGN_OTHER;
}

enum foreign foreign_judge(const uint8_t *data, size_t len)
{
	if (len == 0 || data[0] <= 1)
		return FOREIGN_NOT;
	if (data[0] == 0x16) /* TLS handshake record, version 3.x */
		return len < 2 ? FOREIGN_MAYBE : data[1] == 3 ? FOREIGN_TLS : FOREIGN_OTHER;
	return judge_text(data, len);
}

int foreign_http_answer(const char *console, uint8_t **ret, size_t *ret_len)
{
	char body[512], *answer;
	int len;

	(void)snprintf(body, sizeof(body), "This port takes Canopy sensors. The console answers HTTP %s%s%s\n",
		       console ? "at http://" : "nowhere", console ? console : "",
		       console ? "/" : " here: start the collector with --http ADDR:PORT");
	len = asprintf(&answer,
		       "HTTP/1.1 421 Misdirected Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
		       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		       strlen(body), body);
	if (len < 0)
		return -ENOMEM;
	*ret = (uint8_t *)answer;
	*ret_len = (size_t)len;
	return 0;
}
