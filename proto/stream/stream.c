/* SPDX-License-Identifier: Apache-2.0 */
/* TCP over libuv with the ownership of libuv made simple: one heap object holds handle and requests and goes when the
 * last of them has called back ('holds').
 *
 * Every address that a name has is tried with a fresh socket: a socket whose connect has failed cannot be used again,
 * so the handle is closed and initialised anew in between. Happy Eyeballs (RFC 8305) is left out on purpose: a sensor
 * retries for ever, and half a second more at a dual-stack collector with one broken family harms nothing.
 *
 * TLS sits between raw_in(), which gets what came from the socket, and raw_out(), which takes what goes to it: what came is
 * fed to it and plain bytes are read from it into the user's space, what is written passes through it. When TLS fails, the
 * alert that tells the peer why must still arrive: our side is ended and input thrown away until the peer ends its own
 * (refusing), since a socket closed with unread bytes would reset the connection and take the alert with it. */
#include "proto/stream/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proto/stream/tls.h"

enum stream_state {
	STREAM_NEW,
	STREAM_CONNECTING, /* also while resolving */
	STREAM_SECURING,   /* the TLS handshake */
	STREAM_OPEN,
	STREAM_REFUSING, /* TLS has failed; the peer is being told why */
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
	bool reading;   /* the user wants to */
	bool listening; /* the socket is being read */
	size_t unsent;  /* bytes given to raw_out and not yet reported as written */
	size_t answers; /* what TLS says by itself among them, the writes counted in */
	struct tls *tls; /* owned; NULL = plain */
	uv_timer_t timer; /* of refusing, or to go on with what was read already */
	bool timed;       /* timer is initialised */
	size_t discarded;
};

struct write {
	uv_write_t request;
	struct stream *stream;
	uint8_t *data; /* owned */
	size_t len;
	size_t answer; /* what of stream->answers is its own */
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
	tls_destroy(stream->tls);
	free(stream);
	if (closed)
		closed(owner);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void raw_in(uv_stream_t *handle, ssize_t count, const uv_buf_t *buffer);

/* Reads the socket when, and only when, somebody wants what comes. */
static int listen_to_socket(struct stream *stream)
{
	bool wanted = stream->state == STREAM_SECURING || stream->state == STREAM_REFUSING ||
		      (stream->state == STREAM_OPEN && stream->reading);
	int r = 0;

	if (wanted == stream->listening)
		return 0;
	if (wanted)
		r = uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, raw_in);
	else
		(void)uv_read_stop((uv_stream_t *)&stream->tcp);
	stream->listening = wanted && r == 0;
	return r;
}

/* The stream is of no more use; its user is told once and then closes it. */
static void fail(struct stream *stream, int error)
{
	if (stream->state == STREAM_CLOSING || stream->state == STREAM_FAILED)
		return;
	stream->state = STREAM_FAILED;
	stream->reading = false;
	(void)listen_to_socket(stream);
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

	stream->state = stream->tls ? STREAM_SECURING : STREAM_OPEN;
	if (uv_fileno((uv_handle_t *)&stream->tcp, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)uv_tcp_nodelay(&stream->tcp, 1);
	(void)uv_tcp_keepalive(&stream->tcp, 1, STREAM_KEEPALIVE_SECONDS);
}

static void go_on_securing(struct stream *stream);

/* The user may begin: at once, or after the handshake. */
static void begin(struct stream *stream, bool tell)
{
	opened(stream);
	if (stream->tls)
		go_on_securing(stream);
	else if (tell)
		stream->events->connected(stream->owner);
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
		begin(stream, true);
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
	begin(stream, false);
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
	*ret = (struct stream_passage){.fd = copy, .tls = stream->tls};
	stream->tls = NULL; /* goes along */
	return 0;
}

/* NULL = none. */
static void use_tls(struct stream *stream, struct tls *tls)
{
	if (!tls)
		return;
	stream->tls = tls;
	(void)uv_timer_init(stream->loop, &stream->timer);
	stream->timer.data = stream;
	stream->timed = true;
	stream->holds++;
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
	use_tls(stream, passage->tls);
	passage->tls = NULL;
	opened(stream);
	stream->state = STREAM_OPEN; /* the handshake was before */
	return 0;
}

void stream_passage_drop(struct stream_passage *passage)
{
	if (passage->fd >= 0)
		(void)close(passage->fd);
	passage->fd = -1;
	tls_destroy(passage->tls);
	passage->tls = NULL;
}

/* ---- bytes in ------------------------------------------------------------------------------------------------ */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct stream *stream = handle->data;
	uint8_t *at = NULL;
	size_t len = 0;

	(void)suggested;
	if (stream->tls) {
		at = malloc(TLS_FEED_MAX); /* raw_in frees it */
		len = at ? TLS_FEED_MAX : 0;
	} else if (stream->events->space(stream->owner, &at, &len) < 0) {
		len = 0; /* libuv then reports UV_ENOBUFS to raw_in */
	}
	*buffer = uv_buf_init((char *)at, (unsigned)len);
}

static void end_reading(struct stream *stream)
{
	stream_read_stop(stream);
	stream->events->ended(stream->owner, 0);
}

static void plain_in(struct stream *stream, ssize_t count)
{
	if (count == 0 || !stream->reading)
		return; /* EAGAIN in libuv's words, or stopped by the user in between */
	if (count > 0)
		stream->events->filled(stream->owner, (size_t)count);
	else if (count == UV_EOF)
		end_reading(stream);
	else
		fail(stream, (int)count);
}

static void secure_in(struct stream *stream, const uint8_t *data, ssize_t count);

static void raw_in(uv_stream_t *handle, ssize_t count, const uv_buf_t *buffer)
{
	struct stream *stream = handle->data;

	if (!stream->tls) {
		plain_in(stream, count);
		return;
	}
	secure_in(stream, (const uint8_t *)buffer->base, count);
	free(buffer->base);
}

static void on_wake(uv_timer_t *timer);

int stream_read_start(struct stream *stream)
{
	int r;

	if (stream->state != STREAM_OPEN && stream->state != STREAM_SECURING)
		return -ENOTCONN;
	if (stream->reading)
		return 0;
	stream->reading = true;
	r = listen_to_socket(stream);
	if (r < 0)
		stream->reading = false;
	else if (stream->state == STREAM_OPEN && stream->tls && tls_has_input(stream->tls))
		(void)uv_timer_start(&stream->timer, on_wake, 0, 0); /* not from in here: the user is busy */
	return r;
}

void stream_read_stop(struct stream *stream)
{
	stream->reading = false;
	(void)listen_to_socket(stream);
}

bool stream_has_unread(const struct stream *stream)
{
	uv_os_fd_t fd;
	int len;

	return stream->handle && uv_fileno((const uv_handle_t *)&stream->tcp, &fd) == 0 && ioctl(fd, FIONREAD, &len) == 0 && len > 0;
}

/* ---- bytes out ----------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
	struct write *write = (struct write *)(void *)request;
	struct stream *stream = write->stream;

	stream->unsent -= write->len;
	stream->answers -= write->answer;
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

static int raw_out(struct stream *stream, uint8_t *data, size_t len, size_t answer)
{
	struct write *write = calloc(1, sizeof(*write));
	uv_buf_t buffer = uv_buf_init((char *)data, (unsigned)len);
	int r = -ENOMEM;

	if (write) {
		*write = (struct write){.stream = stream, .data = data, .len = len, .answer = answer};
		r = uv_write(&write->request, (uv_stream_t *)&stream->tcp, &buffer, 1, on_written);
	}
	if (r < 0) {
		free(write);
		free(data);
		return r;
	}
	stream->holds++;
	stream->unsent += len;
	stream->answers += answer;
	return 0;
}

int stream_write(struct stream *stream, uint8_t *data, size_t len)
{
	uint8_t *sealed;
	int r;

	if (stream->state != STREAM_OPEN || stream->shut) {
		free(data);
		return stream->shut ? -EPIPE : -ENOTCONN;
	}
	if (!stream->tls)
		return raw_out(stream, data, len, 0);
	r = tls_write(stream->tls, data, len, &sealed, &len);
	free(data);
	return r < 0 ? r : raw_out(stream, sealed, len, 0);
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

static int end_socket(struct stream *stream)
{
	int r;

	stream->shutdown.data = stream;
	r = uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shutdown);
	if (r < 0)
		return r;
	stream->holds++;
	stream->shut = true;
	return 0;
}

/* What TLS has for the peer, beside what is written. */
static int flush(struct stream *stream)
{
	uint8_t *data;
	size_t len;
	int r = tls_take(stream->tls, &data, &len);

	if (r < 0 || len == 0)
		return r;
	if (!stream->shut)
		return raw_out(stream, data, len, stream->state == STREAM_OPEN ? len + sizeof(struct write) : 0);
	free(data); /* too late for it */
	return 0;
}

int stream_shutdown(struct stream *stream)
{
	int r;

	if (stream->state != STREAM_OPEN)
		return -ENOTCONN;
	if (stream->shut)
		return 0;
	if (stream->tls) {
		tls_end(stream->tls);
		r = flush(stream);
		if (r < 0)
			return r;
	}
	return end_socket(stream);
}

/* ---- TLS ----------------------------------------------------------------------------------------------------- */

int stream_secure(struct stream *stream, struct tls_context *context, const char *peer)
{
	struct tls *tls = NULL;
	int r;

	assert(stream->state == STREAM_NEW && !stream->tls);
	if (!context)
		return 0;
	r = tls_create(&tls, context, peer);
	use_tls(stream, tls);
	return r;
}

static void on_refused(uv_timer_t *timer)
{
	fail(timer->data, -EPROTO);
}

/* TLS has failed: what it has to say goes out, then our side ends. */
static void refuse(struct stream *stream)
{
	if (flush(stream) < 0 || (!stream->shut && end_socket(stream) < 0)) {
		fail(stream, -EPROTO);
		return;
	}
	stream->state = STREAM_REFUSING;
	stream->reading = false;
	(void)uv_timer_start(&stream->timer, on_refused, STREAM_REFUSE_MS, 0);
	if (listen_to_socket(stream) < 0)
		fail(stream, -EPROTO);
}

/* Its answers would pile up for as long as it asks; telling it why would be one more. */
static void give_up(struct stream *stream)
{
	tls_give_up(stream->tls, "the peer asks for new keys again and again and does not read them");
	fail(stream, -EPROTO);
}

static void deliver(struct stream *stream)
{
	uint8_t *at;
	size_t len;
	int r = 0;

	while (r == 0 && stream->state == STREAM_OPEN && stream->reading && tls_has_input(stream->tls)) {
		r = stream->events->space(stream->owner, &at, &len);
		if (r < 0) {
			fail(stream, r);
			return;
		}
		r = tls_read(stream->tls, at, len, &len);
		if (r == 0)
			stream->events->filled(stream->owner, len);
	}
	if (stream->state != STREAM_OPEN)
		return;
	if (r == -EPROTO)
		refuse(stream);
	else if (flush(stream) < 0) /* a new key of ours, or a ticket */
		fail(stream, -ENOMEM);
	else if (stream->answers > STREAM_ANSWERS_MAX)
		give_up(stream);
	else if (r == TLS_E_END)
		end_reading(stream);
}

static void on_wake(uv_timer_t *timer)
{
	deliver(timer->data);
}

static void go_on_securing(struct stream *stream)
{
	size_t unsent = stream->unsent;
	int r = tls_handshake(stream->tls);

	if (r < 0) {
		refuse(stream);
		return;
	}
	if (flush(stream) < 0) {
		fail(stream, -ENOMEM);
		return;
	}
	if (r == 0) {
		stream->state = STREAM_OPEN;
		if (stream->events->connected)
			stream->events->connected(stream->owner);
	} else if (stream->unsent > unsent && stream->events->answered) {
		stream->events->answered(stream->owner);
	}
	if (stream->state == STREAM_SECURING || stream->state == STREAM_OPEN) {
		r = listen_to_socket(stream);
		if (r < 0)
			fail(stream, r);
	}
}

static void feed(struct stream *stream, const uint8_t *data, size_t len)
{
	int r = tls_feed(stream->tls, data, len);

	if (r < 0) {
		if (r == -EMSGSIZE)
			refuse(stream);
		else
			fail(stream, r);
		return;
	}
	if (stream->state == STREAM_SECURING)
		go_on_securing(stream);
	if (stream->state == STREAM_OPEN)
		deliver(stream);
}

static void secure_in(struct stream *stream, const uint8_t *data, ssize_t count)
{
	if (count == 0 || !stream->listening)
		return;
	if (stream->state == STREAM_REFUSING) {
		stream->discarded += count > 0 ? (size_t)count : 0;
		if (count < 0 || stream->discarded > STREAM_REFUSE_BYTES_MAX)
			fail(stream, -EPROTO);
	} else if (count > 0) {
		feed(stream, data, (size_t)count);
	} else if (count == UV_EOF && stream->state == STREAM_OPEN) {
		end_reading(stream);
	} else {
		fail(stream, count == UV_EOF ? -ECONNRESET : (int)count);
	}
}

const char *stream_why(const struct stream *stream)
{
	return stream->tls ? tls_why(stream->tls) : "";
}

bool stream_certificate(const struct stream *stream, struct certificate *ret)
{
	return stream->tls && tls_peer(stream->tls, ret);
}

int stream_verify_again(struct stream *stream)
{
	return stream->tls ? tls_verify_again(stream->tls) : 0;
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
	stream->listening = false;
	if (stream->handle) {
		stream->handle = false;
		uv_close((uv_handle_t *)&stream->tcp, on_closed);
	}
	if (stream->timed)
		uv_close((uv_handle_t *)&stream->timer, on_closed);
}

bool stream_peer(const struct stream *stream, struct sockaddr_storage *ret)
{
	int len = sizeof(*ret);

	return stream->handle && uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)ret, &len) == 0;
}
