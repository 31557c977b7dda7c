/* SPDX-License-Identifier: Apache-2.0 */
/* See line.h. */
#include "line.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PER_SOURCE 500u /* all of them may shake hands at once */

/* A collector takes a bounded number of connections and handshakes of one address, and a loopback has many of them. */
static int choose_source(int fd, const struct addrinfo *target, uint32_t host)
{
	struct sockaddr_in source = {.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host / PER_SOURCE)};
	const struct sockaddr_in *to = (const struct sockaddr_in *)(const void *)target->ai_addr;

	if (host < PER_SOURCE || target->ai_family != AF_INET || to->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return 0;
	return bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0 ? -errno : 0;
}

int line_dial(struct line *line, const struct options *options, struct tls_context *context, uint32_t host, int poller,
	      void *owner)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = owner};
	const struct addrinfo *target = options->target;
	int one = 1, r;

	*line = LINE_NULL;
	line->fd = socket(target->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (line->fd < 0)
		return -errno;
	(void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	r = choose_source(line->fd, target, host);
	if (r == 0 && context)
		r = tls_create(&line->tls, context, "collector");
	if (r == 0 && epoll_ctl(poller, EPOLL_CTL_ADD, line->fd, &event) < 0)
		r = -errno;
	if (r == 0 && connect(line->fd, target->ai_addr, target->ai_addrlen) < 0 && errno != EINPROGRESS)
		r = -errno;
	if (r < 0)
		line_close(line);
	return r;
}

void line_close(struct line *line)
{
	if (line->fd >= 0)
		(void)close(line->fd);
	tls_destroy(line->tls);
	free(line->out);
	*line = LINE_NULL;
}

static ssize_t send_plain(const struct line *line, const uint8_t *data, size_t len)
{
	ssize_t n = send(line->fd, data, len, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

/* What TLS has to say; 0 when all of it is gone. */
static int flush(struct line *line)
{
	for (;;) {
		ssize_t n;
		int r;

		if (line->out_at == line->out_len) {
			free(line->out);
			line->out_at = 0;
			r = tls_take(line->tls, &line->out, &line->out_len);
			if (r < 0 || line->out_len == 0)
				return r;
		}
		n = send_plain(line, line->out + line->out_at, line->out_len - line->out_at);
		if (n < 0)
			return (int)n;
		line->out_at += (size_t)n;
	}
}

static int feed(const struct line *line)
{
	static uint8_t buffer[TLS_FEED_MAX];
	ssize_t n = recv(line->fd, buffer, sizeof(buffer), 0);

	return n < 0 ? -errno : n == 0 ? -ECONNRESET : tls_feed(line->tls, buffer, (size_t)n);
}

int line_ready(struct line *line)
{
	int r = 0, done, error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
		return -(error ? error : errno);
	if (!line->tls)
		return 0;
	do {
		done = tls_handshake(line->tls);
		r = flush(line);
		if (r == 0 && done == TLS_E_AGAIN)
			r = feed(line);
	} while (r == 0 && done == TLS_E_AGAIN);
	return r < 0 ? r : done;
}

ssize_t line_send(struct line *line, const uint8_t *data, size_t len)
{
	int r;

	if (!line->tls)
		return send_plain(line, data, len);
	r = flush(line);
	if (r == 0)
		r = tls_write(line->tls, data, len, &line->out, &line->out_len);
	if (r == 0)
		r = flush(line);
	return r < 0 && r != -EAGAIN ? r : r == -EAGAIN && line->out_len == 0 ? r : (ssize_t)len;
}

ssize_t line_recv(struct line *line, uint8_t *at, size_t len)
{
	size_t got;
	ssize_t n;
	int r;

	if (!line->tls) {
		n = recv(line->fd, at, len, 0);
		return n < 0 ? -errno : n == 0 ? -ECONNRESET : n;
	}
	while ((r = tls_read(line->tls, at, len, &got)) == TLS_E_AGAIN) {
		r = feed(line);
		if (r < 0)
			return r;
	}
	return r == 0 ? (ssize_t)got : r == TLS_E_END ? -ECONNRESET : r;
}
