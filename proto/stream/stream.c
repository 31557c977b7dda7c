/* SPDX-License-Identifier: Apache-2.0 */
/* TCP over libuv with the ownership of libuv made simple: one heap object holds handle and requests and goes when the
 * last of them has called back ('holds').
 *
 * Every address that a name has is tried with a fresh socket: a socket whose connect has failed cannot be used again,
 * so the handle is closed and initialised anew in between. Happy Eyeballs (RFC 8305) is left out on purpose: a sensor
 * retries for ever, and half a second more at a dual-stack collector with one broken family harms nothing.
 *
 * The seam for TLS: raw_in() gets what came from the socket and raw_out() takes what goes to it. With TLS raw_in()
 * would feed a memory BIO and hand plain bytes to deliver(), and stream_write() would pass its bytes through the other
 * BIO to raw_out(). */
#include "proto/stream/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum stream_state {
	STREAM_NEW,
	STREAM_CONNECTING, /* also while resolving */
	STREAM_OPEN,
	STREAM_FAILED,
	STREAM_CLOSING,
};

struct stream {
	uv_loop_t *loop;
	uv_tcp_t tcp;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	uv_shutdown_t shutdown;
	struct addrinfo *addresses; /* owned; next_address points into it */
	const struct addrinfo *next_address;
	unsigned first, untried; /* of the addresses: where the round begins, how many of it are left */
	const struct stream_events *events;
	void *owner;
	void (*closed)(void *owner);
	enum stream_state state;
	unsigned holds; /* handle and requests that have not yet called back */
	bool handle;    /* tcp is initialised and not being closed */
	bool shut;      /* our side was ended */
	bool reading;
	size_t unsent; /* bytes given to raw_out and not yet reported as written */
};

struct write {
	uv_write_t request;
	struct stream *stream;
	uint8_t *data; /* owned */
	size_t len;
};

static void release(struct stream *stream)
{
	void (*closed)(void *owner) = stream->closed;
	void *owner = stream->owner;

	if (--stream->holds > 0)
		return;
	assert(stream->state == STREAM_CLOSING);
	if (stream->addresses)
		uv_freeaddrinfo(stream->addresses);
	free(stream);
	if (closed)
		closed(owner);
}

/* The stream is of no more use; its user is told once and then closes it. */
static void fail(struct stream *stream, int error)
{
	if (stream->state == STREAM_CLOSING || stream->state == STREAM_FAILED)
		return;
	stream_read_stop(stream);
	stream->state = STREAM_FAILED;
	stream->events->ended(stream->owner, error);
}

static void init_handle(struct stream *stream)
{
	int r = uv_tcp_init(stream->loop, &stream->tcp);

	assert(r == 0); /* it opens no socket yet */
	(void)r;
	stream->tcp.data = stream;
	stream->handle = true;
	stream->holds++;
}

int stream_create(struct stream **ret, uv_loop_t *loop, const struct stream_events *events, void *owner)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	stream->loop = loop;
	stream->events = events;
	stream->owner = owner;
	init_handle(stream);
	*ret = stream;
	return 0;
}

/* Latency counts more than packets here: frames are whole when written, and Nagle would hold the last part of each
 * back. */
static void opened(struct stream *stream)
{
	unsigned timeout_ms = STREAM_UNHEARD_MS;
	uv_os_fd_t fd;

	stream->state = STREAM_OPEN;
	if (uv_fileno((uv_handle_t *)&stream->tcp, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)uv_tcp_nodelay(&stream->tcp, 1);
	(void)uv_tcp_keepalive(&stream->tcp, 1, STREAM_KEEPALIVE_SECONDS);
}

/* ---- connecting ---------------------------------------------------------------------------------------------- */

static void try_next(struct stream *stream, int error);

static void on_attempt_closed(uv_handle_t *handle)
{
	struct stream *stream = handle->data;

	if (stream->state == STREAM_CLOSING) {
		release(stream);
		return;
	}
	stream->holds--;
	init_handle(stream);
	try_next(stream, -EADDRNOTAVAIL);
}

static void on_connect(uv_connect_t *request, int status)
{
	struct stream *stream = request->data;

	if (stream->state == STREAM_CLOSING) {
		release(stream);
		return;
	}
	stream->holds--; /* the handle still holds */
	if (status == 0) {
		opened(stream);
		stream->events->connected(stream->owner);
	} else if (stream->untried > 0) {
		stream->handle = false;
		uv_close((uv_handle_t *)&stream->tcp, on_attempt_closed);
	} else {
		fail(stream, status);
	}
}

static void try_next(struct stream *stream, int error)
{
	while (stream->untried > 0) {
		const struct addrinfo *address = stream->next_address;

		stream->next_address = address->ai_next ? address->ai_next : stream->addresses;
		stream->untried--;
		stream->connect.data = stream;
		error = uv_tcp_connect(&stream->connect, &stream->tcp, address->ai_addr, on_connect);
		if (error == 0) {
			stream->holds++;
			return;
		}
	}
	fail(stream, error);
}

/* A round over all addresses that begins where the user said. */
static void begin_round(struct stream *stream)
{
	stream->next_address = stream->addresses;
	for (const struct addrinfo *at = stream->addresses; at; at = at->ai_next)
		stream->untried++;
	for (unsigned i = stream->untried ? stream->first % stream->untried : 0; i > 0; i--)
		stream->next_address = stream->next_address->ai_next;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
	struct stream *stream = request->data;

	stream->addresses = addresses;
	if (stream->state == STREAM_CLOSING) {
		release(stream);
		return;
	}
	stream->holds--;
	if (status < 0) {
		fail(stream, status);
		return;
	}
	begin_round(stream);
	try_next(stream, -EADDRNOTAVAIL);
}

void stream_begin_at(struct stream *stream, unsigned first)
{
	stream->first = first;
}

int stream_connect(struct stream *stream, const char *host, uint16_t port)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char service[8];
	int r;

	assert(stream->state == STREAM_NEW);
	(void)snprintf(service, sizeof(service), "%u", port);
	stream->resolve.data = stream;
	r = uv_getaddrinfo(stream->loop, &stream->resolve, on_resolved, host, service, &hints);
	if (r < 0)
		return r;
	stream->holds++;
	stream->state = STREAM_CONNECTING;
	return 0;
}

int stream_accept(struct stream *stream, uv_stream_t *server)
{
	int r;

	assert(stream->state == STREAM_NEW);
	r = uv_accept(server, (uv_stream_t *)&stream->tcp);
	if (r < 0)
		return r;
	opened(stream);
	return 0;
}

/* ---- from loop to loop ---------------------------------------------------------------------------------------- */

/* libuv cannot give a handle to another loop, and closing the handle closes its descriptor: a second one goes on. */
int stream_release(struct stream *stream, struct stream_passage *ret)
{
	uv_os_fd_t fd;
	int copy;

	if (stream->state != STREAM_OPEN || stream->shut)
		return -ENOTCONN;
	if (stream->unsent > 0)
		return -EBUSY;
	if (uv_fileno((uv_handle_t *)&stream->tcp, &fd) < 0)
		return -ENOTCONN;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	stream_read_stop(stream);
	stream->state = STREAM_FAILED;
	ret->fd = copy;
	return 0;
}

int stream_adopt(struct stream *stream, struct stream_passage *passage)
{
	int r;

	assert(stream->state == STREAM_NEW);
	r = uv_tcp_open(&stream->tcp, passage->fd);
	if (r < 0) {
		stream_passage_drop(passage);
		return r;
	}
	passage->fd = -1; /* the handle's */
	opened(stream);
	return 0;
}

void stream_passage_drop(struct stream_passage *passage)
{
	if (passage->fd >= 0)
		(void)close(passage->fd);
	passage->fd = -1;
}

/* ---- bytes in ------------------------------------------------------------------------------------------------ */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct stream *stream = handle->data;
	uint8_t *at = NULL;
	size_t len = 0;

	(void)suggested;
	if (stream->events->space(stream->owner, &at, &len) < 0)
		len = 0; /* libuv then reports UV_ENOBUFS to raw_in */
	*buffer = uv_buf_init((char *)at, (unsigned)len);
}

static void raw_in(uv_stream_t *handle, ssize_t count, const uv_buf_t *buffer)
{
	struct stream *stream = handle->data;

	(void)buffer;
	if (count == 0 || !stream->reading)
		return; /* EAGAIN in libuv's words, or stopped by the user in between */
	if (count > 0) {
		stream->events->filled(stream->owner, (size_t)count);
	} else if (count == UV_EOF) {
		stream_read_stop(stream);
		stream->events->ended(stream->owner, 0);
	} else {
		fail(stream, (int)count);
	}
}

int stream_read_start(struct stream *stream)
{
	int r;

	if (stream->state != STREAM_OPEN)
		return -ENOTCONN;
	if (stream->reading)
		return 0;
	r = uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, raw_in);
	stream->reading = r == 0;
	return r;
}

void stream_read_stop(struct stream *stream)
{
	if (stream->reading)
		(void)uv_read_stop((uv_stream_t *)&stream->tcp);
	stream->reading = false;
}

/* ---- bytes out ----------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
	struct write *write = (struct write *)(void *)request;
	struct stream *stream = write->stream;

	stream->unsent -= write->len;
	free(write->data);
	free(write);
	if (stream->state == STREAM_CLOSING) {
		release(stream);
		return;
	}
	stream->holds--;
	if (status < 0)
		fail(stream, status);
	else if (stream->unsent == 0 && stream->state == STREAM_OPEN && stream->events->drained)
		stream->events->drained(stream->owner);
}

static int raw_out(struct stream *stream, uint8_t *data, size_t len)
{
	struct write *write = calloc(1, sizeof(*write));
	uv_buf_t buffer = uv_buf_init((char *)data, (unsigned)len);
	int r = -ENOMEM;

	if (write) {
		*write = (struct write){.stream = stream, .data = data, .len = len};
		r = uv_write(&write->request, (uv_stream_t *)&stream->tcp, &buffer, 1, on_written);
	}
	if (r < 0) {
		free(write);
		free(data);
		return r;
	}
	stream->holds++;
	stream->unsent += len;
	return 0;
}

int stream_write(struct stream *stream, uint8_t *data, size_t len)
{
	if (stream->state != STREAM_OPEN || stream->shut) {
		free(data);
		return stream->shut ? -EPIPE : -ENOTCONN;
	}
	return raw_out(stream, data, len);
}

size_t stream_queued(const struct stream *stream)
{
	return stream->unsent;
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct stream *stream = request->data;

	(void)status; /* a peer that is gone already needs no end */
	if (stream->state == STREAM_CLOSING)
		release(stream);
	else
		stream->holds--;
}

int stream_shutdown(struct stream *stream)
{
	int r;

	if (stream->state != STREAM_OPEN)
		return -ENOTCONN;
	if (stream->shut)
		return 0;
	stream->shutdown.data = stream;
	r = uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shutdown);
	if (r < 0)
		return r;
	stream->holds++;
	stream->shut = true;
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void stream_close(struct stream *stream, void (*closed)(void *owner))
{
	if (!stream)
		return;
	assert(stream->state != STREAM_CLOSING);
	stream->closed = closed;
	stream->state = STREAM_CLOSING;
	(void)uv_cancel((uv_req_t *)&stream->resolve); /* fails when it is not under way: then nothing is to be done */
	if (stream->handle) {
		stream->handle = false;
		uv_close((uv_handle_t *)&stream->tcp, on_closed);
	}
}

bool stream_peer(const struct stream *stream, struct sockaddr_storage *ret)
{
	int len = sizeof(*ret);

	return stream->handle && uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)ret, &len) == 0;
}
