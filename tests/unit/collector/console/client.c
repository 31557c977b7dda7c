/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include "tests/unit/collector/console/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void client_open(struct client *client, uv_loop_t *loop, const char *address)
{
	struct sockaddr_in socket_address = {.sin_family = AF_INET};
	unsigned port;

	if (sscanf(address, "127.0.0.1:%u", &port) != 1)
		fail_msg("%s is no address on loopback", address);
	socket_address.sin_port = htons((uint16_t)port);
	socket_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*client = (struct client){.loop = loop, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(client->fd >= 0);
	assert_int_equal(connect(client->fd, (struct sockaddr *)&socket_address, sizeof(socket_address)), 0);
	client->data = calloc(1, client->size = 4096);
	assert_non_null(client->data);
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	free(client->data);
	*client = (struct client){.fd = -1};
}

/* As in the collector: the server under test writes to clients that have gone. */
__attribute__((constructor)) static void ignore_sigpipe(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
}

void client_send(struct client *client, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			return; /* the server has gone: what came before is what the test looks at */
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
		(void)uv_run(client->loop, UV_RUN_NOWAIT);
	}
}

void client_send_text(struct client *client, const char *text)
{
	client_send(client, text, strlen(text));
}

static void receive(struct client *client)
{
	for (;;) {
		ssize_t got;

		if (client->len + 1 == client->size) {
			client->data = realloc(client->data, client->size *= 2);
			assert_non_null(client->data);
		}
		got = recv(client->fd, client->data + client->len, client->size - client->len - 1, MSG_DONTWAIT);
		if (got <= 0) {
			client->ended = got == 0 || errno != EAGAIN;
			return;
		}
		client->len += (size_t)got;
		client->data[client->len] = '\0';
	}
}

static void wait_for_something(uv_loop_t *loop, int fd)
{
	struct pollfd fds[2] = {{.fd = uv_backend_fd(loop), .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	int timeout = uv_backend_timeout(loop);

	(void)poll(fds, fd >= 0 ? 2 : 1, timeout < 0 || timeout > 1000 ? 1000 : timeout);
}

bool client_until(struct client *client, bool (*done)(const struct client *client, const void *argument),
		  const void *argument)
{
	int64_t deadline = now_ms() + CLIENT_PATIENCE_MS;

	while (now_ms() < deadline) {
		(void)uv_run(client->loop, UV_RUN_NOWAIT);
		receive(client);
		if (done(client, argument))
			return true;
		if (client->ended)
			return false;
		wait_for_something(client->loop, client->fd);
	}
	return false;
}

static bool has_text(const struct client *client, const void *argument)
{
	return memmem(client->data, client->len, argument, strlen(argument)) != NULL;
}

bool client_until_text(struct client *client, const char *text)
{
	return client_until(client, has_text, text);
}

static bool has_ended(const struct client *client, const void *argument)
{
	(void)argument;
	return client->ended;
}

bool client_until_ended(struct client *client)
{
	return client_until(client, has_ended, NULL);
}

bool client_run_until(uv_loop_t *loop, const bool *flag)
{
	int64_t deadline = now_ms() + CLIENT_PATIENCE_MS;

	while (!*flag && now_ms() < deadline) {
		(void)uv_run(loop, UV_RUN_NOWAIT);
		if (!*flag)
			wait_for_something(loop, -1);
	}
	return *flag;
}

/* Puts chunks together; NULL when they do not make a whole. */
static char *dechunk(const char *at, const char *end)
{
	char *body = calloc(1, (size_t)(end - at) + 1), *out = body;

	for (;;) {
		char *behind;
		unsigned long size = strtoul(at, &behind, 16);

		if (behind == at || end - behind < 2 || memcmp(behind, "\r\n", 2) != 0 ||
		    size > (size_t)(end - behind) - 2)
			break;
		at = behind + 2;
		if (size == 0)
			return body;
		memcpy(out, at, size);
		out += size;
		at += size + 2;
	}
	free(body);
	return NULL;
}

char *client_body(const struct client *client, int *ret_status)
{
	const char *split = strstr(client->data, "\r\n\r\n");
	char *body;

	if (!split || sscanf(client->data, "HTTP/1.1 %d", ret_status) != 1)
		fail_msg("no answer: %s", client->data);
	if (memmem(client->data, (size_t)(split - client->data), "chunked", 7))
		body = dechunk(split + 4, client->data + client->len);
	else
		body = strdup(split + 4);
	if (!body)
		fail_msg("the answer is not whole: %.300s", client->data);
	return body;
}

char *client_get(uv_loop_t *loop, const char *address, const char *path, int *ret_status)
{
	struct client client;
	char *body;

	client_open(&client, loop, address);
	client_send_text(&client, "GET ");
	client_send_text(&client, path);
	client_send_text(&client, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	if (!client_until_ended(&client))
		fail_msg("%s is not answered to the end: %.300s", path, client.data);
	body = client_body(&client, ret_status);
	client_close(&client);
	return body;
}
