/* SPDX-License-Identifier: Apache-2.0 */
/* One connection without waiting, plain or through the TLS of proto/stream. Under epoll, edge-triggered. */
#ifndef CANOPY_TESTS_BENCH_FLEET_LINE_H
#define CANOPY_TESTS_BENCH_FLEET_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"
#include "proto/stream/tls.h"

struct line {
	int fd;          /* owned; -1 = none */
	struct tls *tls; /* owned; NULL = plain */
	uint8_t *out;    /* owned; what TLS has to send yet */
	size_t out_at, out_len;
};
#define LINE_NULL ((struct line){.fd = -1})

/* context: NULL = plain. owner: what epoll tells. Errors: -errno of connecting. */
int line_dial(struct line *line, const struct options *options, struct tls_context *context, uint32_t host, int poller,
	      void *owner);
void line_close(struct line *line);
/* Whether it can be spoken on, to be asked at each event until then: 0, -EAGAIN, or -errno. */
int line_ready(struct line *line);
/* How much was taken, at least one byte; -EAGAIN or -errno. */
ssize_t line_send(struct line *line, const uint8_t *data, size_t len);
/* At least one byte; -EAGAIN, -ECONNRESET at the end as well, or -errno. */
ssize_t line_recv(struct line *line, uint8_t *at, size_t len);

#endif
