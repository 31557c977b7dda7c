/* SPDX-License-Identifier: Apache-2.0 */
/* Listening over libuv. When the process is out of descriptors libuv itself accepts and closes what waits (its spare
 * descriptor), so that the loop does not spin.
 *
 * A connection that its user does not take, for lack of memory for instance, stays with libuv, which accepts no other
 * one until it is taken. So there is a spare handle that takes and closes it, made in advance. */
#include "proto/stream/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct acceptor {
	uv_tcp_t tcp, spare;
	bool sparing; /* the spare is being closed, to be used again */
	unsigned holds;
	acceptor_cb cb;
	void *owner;
	void (*closed)(void *owner);
	void *closed_owner;
};

static void on_closed(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	if (--acceptor->holds > 0)
		return;
	if (acceptor->closed)
		acceptor->closed(acceptor->closed_owner);
	free(acceptor);
}

static void drop_untaken(struct acceptor *acceptor);

static void on_spare_closed(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	if (uv_is_closing((uv_handle_t *)&acceptor->tcp)) {
		on_closed(handle);
		return;
	}
	acceptor->sparing = false;
	(void)uv_tcp_init(handle->loop, &acceptor->spare); /* opens no socket yet: cannot fail */
	drop_untaken(acceptor);
}

static void drop_untaken(struct acceptor *acceptor)
{
	if (acceptor->sparing || uv_is_closing((uv_handle_t *)&acceptor->tcp) ||
	    uv_accept((uv_stream_t *)&acceptor->tcp, (uv_stream_t *)&acceptor->spare) < 0)
		return; /* it was taken, or its turn comes when the spare is back */
	acceptor->sparing = true;
	uv_close((uv_handle_t *)&acceptor->spare, on_spare_closed);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct acceptor *acceptor = server->data;

	if (status < 0)
		return; /* the connection is gone already */
	acceptor->cb(acceptor->owner, server);
	drop_untaken(acceptor);
}

static const char *remedy(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "another program listens there: choose another port or stop it";
	case -EADDRNOTAVAIL:
		return "no interface has this address: use one that 'ip address' shows, or 0.0.0.0";
	case -EACCES:
		return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one";
	case -EINVAL:
		return "give a numeric address such as 127.0.0.1:4317 or [::]:4317";
	default:
		return "choose another address";
	}
}

static void explain(const struct address *address, int error, char **ret_why)
{
	const char *what = error == -EINVAL ? "not a numeric address" : strerror(-error);
	bool v6 = strchr(address->host, ':');

	if (ret_why && asprintf(ret_why, "cannot listen on %s%s%s:%u: %s; %s", v6 ? "[" : "", address->host,
				v6 ? "]" : "", address->port, what, remedy(error)) < 0)
		*ret_why = NULL;
}

static int start(struct acceptor *acceptor, const struct address *address)
{
	struct sockaddr_storage name;
	int r = address_to_sockaddr(address, &name);

	if (r < 0)
		return r;
	r = uv_tcp_bind(&acceptor->tcp, (const struct sockaddr *)&name, 0);
	if (r < 0)
		return r;
	return uv_listen((uv_stream_t *)&acceptor->tcp, ACCEPTOR_BACKLOG, on_connection);
}

static struct acceptor *make(uv_loop_t *loop, acceptor_cb cb, void *owner)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));

	if (!acceptor)
		return NULL;
	acceptor->cb = cb;
	acceptor->owner = owner;
	(void)uv_tcp_init(loop, &acceptor->tcp); /* opens no socket yet: cannot fail */
	(void)uv_tcp_init(loop, &acceptor->spare);
	acceptor->tcp.data = acceptor->spare.data = acceptor;
	acceptor->holds = 2;
	return acceptor;
}

static int start_shared(struct acceptor *acceptor, const struct acceptor *first)
{
	uv_os_fd_t fd;
	int copy, r = uv_fileno((const uv_handle_t *)&first->tcp, &fd);

	if (r < 0)
		return r;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	r = uv_tcp_open(&acceptor->tcp, copy);
	if (r < 0) {
		(void)close(copy);
		return r;
	}
	return uv_listen((uv_stream_t *)&acceptor->tcp, ACCEPTOR_BACKLOG, on_connection);
}

int acceptor_share(struct acceptor **ret, uv_loop_t *loop, const struct acceptor *first, acceptor_cb cb, void *owner)
{
	struct acceptor *acceptor = make(loop, cb, owner);
	int r;

	if (!acceptor)
		return -ENOMEM;
	r = start_shared(acceptor, first);
	if (r < 0) {
		acceptor_close(acceptor, NULL, NULL);
		return r;
	}
	*ret = acceptor;
	return 0;
}

int acceptor_create(struct acceptor **ret, uv_loop_t *loop, const struct address *address, acceptor_cb cb, void *owner,
		    char **ret_why)
{
	struct acceptor *acceptor = make(loop, cb, owner);
	int r;

	if (!acceptor)
		return -ENOMEM;
	r = start(acceptor, address);
	if (r < 0) {
		explain(address, r, ret_why);
		acceptor_close(acceptor, NULL, NULL);
		return r;
	}
	*ret = acceptor;
	return 0;
}

void acceptor_address(const struct acceptor *acceptor, char *text)
{
	struct sockaddr_storage name = {0};
	int len = sizeof(name);

	(void)uv_tcp_getsockname(&acceptor->tcp, (struct sockaddr *)&name, &len);
	address_format((const struct sockaddr *)&name, text);
}

void acceptor_close(struct acceptor *acceptor, void (*closed)(void *owner), void *owner)
{
	if (!acceptor)
		return;
	acceptor->closed = closed;
	acceptor->closed_owner = owner;
	uv_close((uv_handle_t *)&acceptor->tcp, on_closed);
	if (!acceptor->sparing)
		uv_close((uv_handle_t *)&acceptor->spare, on_closed);
}
