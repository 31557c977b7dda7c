/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks, judged by the first bytes of a connection: browsers and scanners find this port too, and deserve a useful
 * answer. */
#ifndef CANOPY_COLLECTOR_LISTEN_FOREIGN_H
#define CANOPY_COLLECTOR_LISTEN_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

enum foreign {
	FOREIGN_NOT,   /* may be a frame */
	FOREIGN_MAYBE, /* no frame; more bytes will tell */
	FOREIGN_HTTP,
	FOREIGN_TLS,
	FOREIGN_OTHER,
};

enum foreign foreign_judge(const uint8_t *data, size_t len);

/* The whole HTTP answer, malloc'ed; console: where it answers, NULL = nowhere. Errors: -ENOMEM. */
int foreign_http_answer(const char *console, uint8_t **ret, size_t *ret_len);

#endif
